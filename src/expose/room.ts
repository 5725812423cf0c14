import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import type { ExposeRequest } from "./request.ts";

/** The record, the outcome and the gateway's key need less; so does the log of a start. */
const neededBytes = 64 * 1024;

/**
 * Makes sure that what is set can be put on record: a disk that is full is told before anything is done, not halfway.
 * Throws `file-unwritable`.
 */
export function ensureRoom({ directory }: Pick<ExposeRequest, "directory">): void {
  try {
    takeRoom(join(directory, `room-${process.pid}`));
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `${JSON.stringify(directory)} takes no file of ${neededBytes / 1024} KiB: ${messageOf(error)}`,
      hint: "make room there, or set HOME to a directory that this user can write",
      facts: { directory },
      cause: error,
    });
  }
}

/** It has no name while it is written: a `kill -9` leaves nothing. */
function takeRoom(path: string): void {
  rmSync(path, { force: true });
  const descriptor = openSync(path, "wx", 0o600);
  try {
    rmSync(path);
    for (let written = 0; written < neededBytes; ) {
      written += writeSync(descriptor, Buffer.alloc(neededBytes - written));
    }
    // Some file systems find out only now.
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
