import type { GatewayConfig, UpstreamConfig } from "../config/config.ts";
import type { WatchedFile } from "../gateway/reload.ts";
import type { CommandContext } from "./context.ts";
import { gatewayConfig } from "./gateway-config.ts";

/** Returns the file that a running gateway goes by, and how to read it again; undefined where there is none. */
export function watchedConfig(
  context: CommandContext,
  { config, path }: ReturnType<typeof gatewayConfig>,
  upstreamsOf: (config: GatewayConfig) => Readonly<Record<string, UpstreamConfig>>,
): WatchedFile | undefined {
  if (path === undefined) return undefined;
  return {
    path,
    atStart: config,
    read: () => {
      const now = gatewayConfig(context);
      // Without its file it would go on with no rules at all.
      if (now.path !== path) throw new Error("it is gone, or says nothing of a gateway");
      return { config: now.config, upstreams: upstreamsOf(now.config) };
    },
  };
}
