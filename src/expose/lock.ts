import { join } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import { currentName, forgetName, nameToHold } from "../core/lock-name.ts";
import { type ExclusiveHold, holdExclusively } from "../net/exclusive.ts";
import { livingOwner, readExposeRecord } from "./record.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

/** Somebody who has just been told to end may take a moment to let go. */
const lockTimeoutMs = 500;

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
  const hold = await holdName(path, world);
  if (hold === undefined) throw busy(request);
  try {
    return await work();
  } finally {
    forgetName(path);
    hold.release();
  }
}

async function holdName(path: string, { signal }: Pick<ExposeWorld, "signal">): Promise<ExclusiveHold | undefined> {
  for (;;) {
    const { text } = nameToHold(path);
    const hold = await holdExclusively({ name: text, timeoutMs: lockTimeoutMs, signal });
    if (signal.aborted) hold?.release();
    signal.throwIfAborted();
    // Whoever held it takes its name away at the end, and the next one may have another by now.
    if (hold === undefined || currentName(path) === text) return hold;
    hold.release();
  }
}

function busy({ socket, directory }: Pick<ExposeRequest, "socket" | "directory">): TsmcpError {
  const record = readExposeRecord(directory);
  const owner = record === undefined ? undefined : livingOwner(record);
  return new TsmcpError({
    code: "busy",
    message: `this node is exposed already${owner === undefined ? "" : `, by process ${owner.pid}`}`,
    hint: 'end that one, with Ctrl-C or "tsmcp expose --off"',
    facts: { socket, ...(owner === undefined ? {} : { pid: owner.pid }) },
  });
}
