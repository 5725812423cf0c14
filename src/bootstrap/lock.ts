import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { currentName, forgetName, type LockName, nameToHold } from "../core/lock-name.ts";
import { readRecord } from "../core/record.ts";
import { makeOwnDirectory } from "../core/runtime-directory.ts";
import { type ExclusiveHold, holdExclusively } from "../net/exclusive.ts";
import { processesOf } from "../process/identity.ts";
import { stopProcess } from "../process/stop.ts";
import { isLoginOn } from "../tailscale/daemon-arguments.ts";
import type { Layout } from "./layout.ts";
import type { BootstrapWorld } from "./world.ts";

interface LockRequest {
  readonly layout: Layout;
  readonly timeoutMs: number;
}

/**
 * Runs `work` while no other `up` or `down` of this user works on this boot's directory; waits for one that does.
 * Throws `busy` when that one does not end within `timeoutMs`, `file-unwritable` where nothing can be written.
 */
export async function whileAlone<Result>(
  request: LockRequest,
  world: BootstrapWorld,
  work: () => Promise<Result>,
): Promise<Result> {
  const { layout } = request;
  const { hold, wasLeft } = await holdDirectory(request, world);
  try {
    if (wasLeft) await endOrphans(layout, world);
    return await work();
  } finally {
    tidy(layout);
    hold.release();
  }
}

interface Held {
  readonly hold: ExclusiveHold;
  /** The one before was killed at its work. */
  readonly wasLeft: boolean;
}

async function holdDirectory({ layout, timeoutMs }: LockRequest, world: BootstrapWorld): Promise<Held> {
  const start = performance.now();
  let hasWaited = false;
  const onWait = (): void => {
    if (!hasWaited) world.log.info("another tsmcp is at work here; waiting for it");
    hasWaited = true;
  };
  for (;;) {
    const { text, isNew } = prepareName(layout);
    const hold = await holdExclusively({
      name: text,
      timeoutMs: Math.max(0, Math.round(start + timeoutMs - performance.now())),
      signal: world.signal,
      onWait,
    });
    if (world.signal.aborted) hold?.release();
    world.signal.throwIfAborted();
    if (hold === undefined) throw busy(layout);
    // Whoever held it takes its name away at the end, and the next one may have another by now.
    if (currentName(layout.lockFile) === text) return { hold, wasLeft: !isNew };
    hold.release();
  }
}

function prepareName(layout: Layout): LockName {
  try {
    // The `down` that was waited for may have removed them.
    for (const directory of [dirname(layout.directory), layout.directory]) makeOwnDirectory(directory);
    return nameToHold(layout.lockFile);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `${JSON.stringify(layout.directory)} cannot be written: ${messageOf(error)}`,
      hint: "make it writable, or set HOME to a directory that this user can write",
      cause: error,
    });
  }
}

function busy({ directory }: Layout): TsmcpError {
  return new TsmcpError({
    code: "busy",
    message: `another tsmcp has been at work in ${JSON.stringify(directory)} all the time`,
    hint: "wait for it, or end it",
  });
}

function tidy({ lockFile, socket, directory }: Layout): void {
  forgetName(lockFile);
  removeEmpty([directory, dirname(socket), dirname(directory)]);
}

/** A `tailscale up` outlives the `tsmcp up` that was killed, and would log in while the next one looks at the state. */
async function endOrphans(layout: Layout, world: BootstrapWorld): Promise<void> {
  const sockets = new Set([layout.socket, readRecord(world)?.socket ?? layout.socket]);
  const orphans = processesOf((argv) => [...sockets].some((socket) => isLoginOn(socket, argv)));
  await Promise.all(orphans.map((orphan) => stopProcess(orphan, { graceMs: 0 })));
}

/** What somebody put there, or holds, stays; and so does what a file system of only reading has. */
const reasonsToStay = ["ENOTEMPTY", "ENOENT", "EEXIST", "EBUSY", "ENOTDIR", "EPERM", "EACCES", "EROFS"];

function removeEmpty(directories: readonly string[]): void {
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!reasonsToStay.includes(systemCodeOf(error) ?? "")) throw error;
    }
  }
}
