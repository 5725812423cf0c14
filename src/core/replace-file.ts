import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemCodeOf } from "./errors.ts";

export interface FileOwnership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Puts `bytes` where `path` is, all or nothing, with the given mode and owner. `path` must not be a symbolic link.
 * Throws the system's error; then the old file is untouched and nothing is left beside it.
 */
export function replaceFile(path: string, bytes: Uint8Array, ownership: FileOwnership): void {
  const temporary = temporaryPathOf(path);
  rmSync(temporary, { force: true });
  try {
    writeWhole(temporary, bytes, ownership);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Where the new file is until it is whole: one name, so that what a killed run leaves behind is swept up by the next. */
export function temporaryPathOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tsmcp-new`);
}

function writeWhole(path: string, bytes: Uint8Array, { mode, uid, gid }: FileOwnership): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = openSync(path, flags, 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    const stat = fstatSync(descriptor);
    if (stat.uid !== uid || stat.gid !== gid) fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, mode & 0o7777);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A rename is durable once its directory is. */
function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } catch (error) {
    // Some file systems cannot, and then there is nothing to wait for.
    if (systemCodeOf(error) === undefined) throw error;
  } finally {
    closeSync(descriptor);
  }
}
