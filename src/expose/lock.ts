import { join } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import { currentName, forgetName, nameToHold } from "../core/lock-name.ts";
import type { ProcessIdentity } from "../core/record.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { type ExclusiveHold, holdExclusively } from "../net/exclusive.ts";
import { livingOwner, readExposeRecord } from "./record.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

/** Somebody who has just been told to end may take a moment to let go. */
const lockTimeoutMs = 500;

/** Who is not on record has just begun, or drains its calls after its handlers have gone. */
const endingMs = 15_000;

/**
 * Runs `work` as this user's only exposure at this tailscaled; the kernel ends that with this process. Another user's
 * handlers are on the ports, where the plan finds them. Throws `busy`.
 */
export async function whileExposing<Result>(
  request: Pick<ExposeRequest, "socket" | "directory">,
  world: Pick<ExposeWorld, "signal">,
  work: () => Promise<Result>,
): Promise<Result> {
  const path = join(request.directory, "lock");
  const hold = await holdName(request, { path, signal: world.signal });
  if (hold === undefined) throw busy(request);
  try {
    return await work();
  } finally {
    forgetName(path);
    hold.release();
  }
}

async function holdName(
  { directory }: Pick<ExposeRequest, "directory">,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<ExclusiveHold | undefined> {
  const late = timeoutSignal(endingMs);
  for (;;) {
    const { text } = nameToHold(path);
    const hold = await holdExclusively({ name: text, timeoutMs: lockTimeoutMs, signal });
    if (signal.aborted) hold?.release();
    signal.throwIfAborted();
    // Whoever held it takes its name away at the end, and the next one may have another by now.
    if (hold !== undefined && currentName(path) === text) return hold;
    hold?.release();
    if (hold === undefined && (late.aborted || ownerOnRecord(directory) !== undefined)) return undefined;
  }
}

function ownerOnRecord(directory: string): ProcessIdentity | undefined {
  const record = readExposeRecord(directory);
  return record === undefined ? undefined : livingOwner(record);
}

function busy({ socket, directory }: Pick<ExposeRequest, "socket" | "directory">): TsmcpError {
  const owner = ownerOnRecord(directory);
  return new TsmcpError({
    code: "busy",
    message: `this node is exposed already${owner === undefined ? "" : `, by process ${owner.pid}`}`,
    hint: 'end that one, with Ctrl-C or "tsmcp expose --off"',
    facts: { socket, ...(owner === undefined ? {} : { pid: owner.pid }) },
  });
}
