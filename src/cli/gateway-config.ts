import type { GatewayConfig } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { TsmcpError } from "../core/errors.ts";
import { shellQuote } from "../core/shell-quote.ts";
import type { CommandContext } from "./context.ts";

/**
 * Returns the gateway's part of the strongest file that has one, and that file. A repository's file can have none. Throws as
 * `loadConfig` does, and `config-untrusted` for a file that others can write: it says what is run here, and who sees it.
 */
export function gatewayConfig(context: Pick<CommandContext, "env" | "cwd" | "configFile">): {
  readonly config: GatewayConfig;
  readonly path: string | undefined;
} {
  const source = loadConfig(context).sources.find(({ config }) => config.gateway !== undefined);
  if (source !== undefined && (source.mode & 0o022) !== 0) {
    throw new TsmcpError({
      code: "config-untrusted",
      message: `${JSON.stringify(source.path)} can be written by others, who could change what the gateway runs`,
      hint: `make it yours alone: chmod go-w ${shellQuote(source.path)}`,
    });
  }
  return { config: source?.config.gateway ?? {}, path: source?.path };
}
