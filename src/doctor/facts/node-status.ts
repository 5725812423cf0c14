import { systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { readRecord } from "../../core/record.ts";
import { readStatus } from "../../tailscale/local-api.ts";
import type { NodeStatus } from "../../tailscale/status.ts";
import type { MachineContext } from "../context.ts";
import { observation } from "../observation.ts";

export type DaemonAnswer =
  | { readonly kind: "answered"; readonly socket: string; readonly status: NodeStatus }
  | { readonly kind: "silent"; readonly socket: string; readonly reason: string; readonly code?: string | undefined };

const statusTimeoutMs = 3_000;

/** Where packages put it. Source: tailscale `paths/paths.go`. */
const systemSocket =
  process.platform === "darwin" ? "/var/run/tailscaled.socket" : "/var/run/tailscale/tailscaled.sock";

/** What tailscaled on this machine says of itself: at the socket typed, else `up`'s, else the system's. */
export const daemonAnswer = observation(
  async ({ world, signal }: Pick<MachineContext, "world" | "signal">): Promise<DaemonAnswer> => {
    const socket = world.socket ?? readRecord({ env: world.env })?.socket ?? systemSocket;
    try {
      return { kind: "answered", socket, status: await readStatus({ socket, timeoutMs: statusTimeoutMs, signal }) };
    } catch (error) {
      if (!(error instanceof TsmcpError) || signal.aborted) throw error;
      return { kind: "silent", socket, reason: error.message, code: systemCodeOf(error.cause) };
    }
  },
);
