import { createHash } from "node:crypto";
import { existsSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { systemCodeOf, TsmcpError } from "../core/errors.ts";
import { readRecord } from "../core/record.ts";
import { makeOwnDirectory } from "../core/runtime-directory.ts";
import { holdExclusively } from "../net/exclusive.ts";
import { processesOf } from "../process/identity.ts";
import { stopProcess } from "../process/stop.ts";
import { isLoginOn } from "../tailscale/daemon-arguments.ts";
import type { Layout } from "./layout.ts";
import type { BootstrapWorld } from "./world.ts";

/**
 * Runs `work` while no other `up` or `down` of this user works on this boot's directory; waits for one that does.
 * Throws `busy` when that one does not end within `timeoutMs`.
 */
export async function whileAlone<Result>(
  { layout, timeoutMs }: { readonly layout: Layout; readonly timeoutMs: number },
  world: BootstrapWorld,
  work: () => Promise<Result>,
): Promise<Result> {
  const hold = await holdExclusively({
    name: `tsmcp-${process.getuid?.() ?? 0}-${createHash("sha256").update(layout.directory).digest("hex").slice(0, 32)}`,
    timeoutMs,
    signal: world.signal,
    onWait: () => world.log.info("another tsmcp is at work here; waiting for it"),
  });
  world.signal.throwIfAborted();
  if (hold === undefined) {
    throw new TsmcpError({
      code: "busy",
      message: `another tsmcp has been at work in ${JSON.stringify(layout.directory)} all the time`,
      hint: "wait for it, or end it",
    });
  }
  try {
    // The `down` that was waited for may have removed them.
    for (const directory of [dirname(layout.directory), layout.directory]) makeOwnDirectory(directory);
    if (existsSync(layout.workingFile)) await endOrphans(layout, world);
    markWorking(layout);
    return await work();
  } finally {
    tidy(layout);
    hold.release();
  }
}

function markWorking({ workingFile }: Layout): void {
  rmSync(workingFile, { force: true });
  // O_EXCL follows no link (open(2)): nobody's file is emptied through one.
  writeFileSync(workingFile, "", { flag: "wx", mode: 0o600 });
}

function tidy({ workingFile, socket, directory }: Layout): void {
  rmSync(workingFile, { force: true });
  removeEmpty([directory, dirname(socket), dirname(directory)]);
}

/** A `tailscale up` outlives the `tsmcp up` that was killed, and would log in while the next one looks at the state. */
async function endOrphans(layout: Layout, world: BootstrapWorld): Promise<void> {
  const sockets = new Set([layout.socket, readRecord(world)?.socket ?? layout.socket]);
  const orphans = processesOf((argv) => [...sockets].some((socket) => isLoginOn(socket, argv)));
  await Promise.all(orphans.map((orphan) => stopProcess(orphan, { graceMs: 0 })));
}

/** What somebody put there, or holds, stays. */
const reasonsToStay = ["ENOTEMPTY", "ENOENT", "EEXIST", "EBUSY", "ENOTDIR", "EPERM", "EACCES"];

function removeEmpty(directories: readonly string[]): void {
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!reasonsToStay.includes(systemCodeOf(error) ?? "")) throw error;
    }
  }
}
