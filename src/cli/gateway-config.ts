import type { GatewayConfig } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import type { CommandContext } from "./context.ts";

/** Returns the gateway's part of the strongest file that has one, and that file. A repository's file can have none. */
export function gatewayConfig(context: Pick<CommandContext, "env" | "cwd" | "configFile">): {
  readonly config: GatewayConfig;
  readonly path: string | undefined;
} {
  const source = loadConfig(context).sources.find(({ config }) => config.gateway !== undefined);
  return { config: source?.config.gateway ?? {}, path: source?.path };
}
