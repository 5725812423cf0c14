import { rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { replaceFile } from "../core/replace-file.ts";
import type { ExposeRequest } from "./request.ts";

/** The record, the outcome and the gateway's key need less; so does the log of a start. */
const neededBytes = 64 * 1024;

/**
 * Makes sure that what is set can be put on record: a disk that is full is told before anything is done, not halfway.
 * Throws `file-unwritable`.
 */
export function ensureRoom({ directory }: Pick<ExposeRequest, "directory">): void {
  const path = join(directory, `room-${process.pid}`);
  const ownership = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    replaceFile(path, Buffer.alloc(neededBytes), ownership);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `${JSON.stringify(directory)} takes no file of ${neededBytes / 1024} KiB: ${messageOf(error)}`,
      hint: "make room there, or set HOME to a directory that this user can write",
      facts: { directory },
      cause: error,
    });
  } finally {
    rmSync(path, { force: true });
  }
}
