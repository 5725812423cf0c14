import { isAtLeast } from "../../tailscale/version.ts";
import { foregroundOn, type Tailnet } from "../tailnet.ts";

/** Until then the program looked before it tried, and said so in other words; run on 1.90.9. */
export const backendJudgesSince = { major: 1, minor: 92, patch: 0 };

/**
 * Returns why a port cannot be served: nobody adds to what runs in the foreground, and that takes free ports alone.
 * Source: tailscale `ipn/ipnlocal/serve.go` validateServeConfigUpdate; before 1.92 `serve_v2.go` validateConfig.
 */
export function conflictOf(
  { serve, foreground, version }: Tailnet,
  { port, name, isForeground }: { readonly port: number; readonly name: string; readonly isForeground: boolean },
): string | undefined {
  const judges = isAtLeast(version, backendJudgesSince);
  const taken = `listener already exists for port ${port}`;
  if (foregroundOn(foreground, port) !== undefined) {
    if (!judges) return "foreground already exists under this port";
    return isForeground ? taken : `foreground ${taken}`;
  }
  if (!isForeground || !serve.has(port)) return undefined;
  if (judges) return taken;
  const remedy = `tailscale ${name} --https=${port} off`;
  return `background configuration already exists, use \`${remedy}\` to remove the existing configuration`;
}
