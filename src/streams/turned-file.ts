import { closeSync, constants, copyFileSync, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { systemCodeOf } from "../core/errors.ts";
import type { WriteBytes } from "./line-sink.ts";

/** A file for lines that stays small. */
export interface TurnedFile {
  /** Returns false where it could not be written, as on a full disk, and then nothing of it was. */
  append(bytes: Buffer): boolean;
  close(): void;
}

/** Two files of this size at most: the directory may be in memory. */
const usualFileBytes = 1024 * 1024;

/** Returns where the lines before those in `path` are. */
export function olderFileOf(path: string): string {
  return `${path}.1`;
}

/**
 * Opens the file (0600, no symbolic link), and goes on where one is. Throws what the system says. What would not fit goes
 * to a file that begins anew; it stays the same file, so a process whose stderr it is goes on writing to it too.
 */
export function openTurnedFile(path: string, limitBytes = usualFileBytes): TurnedFile {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  const put = (bytes: Buffer): void => {
    let { size } = fstatSync(descriptor);
    if (size > 0 && size + bytes.length > limitBytes) {
      keepOlder(path);
      ftruncateSync(descriptor);
      size = 0;
    }
    if (writeSync(descriptor, bytes) === bytes.length) return;
    // The next line would stand behind half of this one.
    ftruncateSync(descriptor, size);
    throw Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
  };
  return {
    append(bytes) {
      try {
        put(bytes);
        return true;
      } catch (error) {
        if (systemCodeOf(error) === undefined) throw error;
        return false;
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** Writes to such a file, which is opened with the first bytes. */
export function toTurnedFile(path: string, limitBytes?: number): WriteBytes {
  let file: TurnedFile | undefined;
  return (bytes, done) => {
    const error = lost(() => {
      file ??= openTurnedFile(path, limitBytes);
      return file.append(bytes);
    });
    setImmediate(done, error);
  };
}

function lost(append: () => boolean): Error | null {
  try {
    return append() ? null : new Error("the file cannot be written");
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Without a place for them they are lost: the lines to come count more. */
function keepOlder(path: string): void {
  const older = olderFileOf(path);
  try {
    rmSync(older, { force: true });
    copyFileSync(path, older, constants.COPYFILE_EXCL);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    rmSync(older, { force: true });
  }
}
