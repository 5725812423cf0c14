import { readRecord } from "../core/record.ts";
import { systemSocket } from "../tailscale/local-api.ts";
import type { CommandContext } from "./context.ts";

/** Returns tailscaled's socket: as typed, what `up` recorded for this boot, the system's. */
export function socketOf({ socket, env }: Pick<CommandContext, "socket" | "env">): string {
  return socket ?? readRecord({ env })?.socket ?? systemSocket;
}
