import { statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { formatDuration } from "../core/duration.ts";
import { TsmcpError } from "../core/errors.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { readStatus } from "../tailscale/local-api.ts";
import type { NodeStatus } from "../tailscale/status.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

const askTimeoutMs = 3_000;
const pollMs = 200;

/** One that is ending may still answer for a moment. */
const settleMs = 3_000;

/** Returns what one start of tailscaled has and the next has not: the socket that it made. Undefined where there is none. */
export function daemonMark({ socket }: Pick<ExposeRequest, "socket">): string | undefined {
  const stat = statSync(socket, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev} ${stat.ino} ${stat.mtimeNs}`;
}

/**
 * Returns true as soon as another start of tailscaled than that of `mark` is on its tailnet, and false where that one goes on as if
 * nothing had been. Throws `daemon-failed` when none is on the tailnet within `waitMs`.
 */
export async function awaitRestart(
  mark: string | undefined,
  { request, world }: { readonly request: Pick<ExposeRequest, "socket" | "waitMs">; readonly world: ExposeWorld },
): Promise<boolean> {
  const late = timeoutSignal(Math.max(request.waitMs, settleMs));
  const settled = timeoutSignal(settleMs);
  let isTold = false;
  let state = "it does not answer";
  while (!late.aborted) {
    const status = await statusOf(request, world);
    const isSame = daemonMark(request) === mark;
    if (status !== undefined && isSame && settled.aborted) return false;
    if (status?.backendState === "Running" && !isSame) return true;
    state = status === undefined ? "it does not answer" : `it is in the state ${status.backendState}`;
    if (!isTold && !(status !== undefined && isSame)) {
      world.log.info(`tailscaled: waiting until it is back (up to ${formatDuration(request.waitMs)})`);
      isTold = true;
    }
    await pause(pollMs, undefined, { signal: world.signal });
  }
  throw new TsmcpError({
    code: "daemon-failed",
    message: `tailscaled at ${JSON.stringify(request.socket)} is not back within ${formatDuration(request.waitMs)}: ${state}`,
    hint: 'start it, and run "tsmcp expose" again',
    facts: { socket: request.socket },
  });
}

async function statusOf(
  { socket }: Pick<ExposeRequest, "socket">,
  { signal }: ExposeWorld,
): Promise<NodeStatus | undefined> {
  try {
    return await readStatus({ socket, timeoutMs: askTimeoutMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsmcpError) return undefined;
    throw error;
  }
}
