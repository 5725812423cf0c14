import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What another process says in its log, as far as it is for people. */
export interface FollowedLog {
  readonly path: string;
  /** Returns the lines that came since the last time; those about requests are left out. */
  next(): string;
}

/** At the start it says less than this in all. */
const maxBytes = 1024 * 1024;

/** Returns what is appended to the file behind its first `position` bytes. */
export function followLog(path: string, position: number): FollowedLog {
  let at = position;
  let begun = Buffer.alloc(0);
  return {
    path,
    next() {
      const read = readFrom(path, at);
      at = read.next;
      const bytes = Buffer.concat([begun, read.bytes]);
      const end = bytes.lastIndexOf("\n") + 1;
      begun = bytes.subarray(end);
      return bytes.toString("utf8", 0, end).replace(/^\{.*\n/gm, "");
    },
  };
}

/** A file that is shorter by now was begun anew. */
function readFrom(path: string, position: number): { readonly bytes: Buffer; readonly next: number } {
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    const from = size < position ? 0 : position;
    const buffer = Buffer.alloc(Math.min(size - from, maxBytes));
    const length = readSync(descriptor, buffer, 0, buffer.length, from);
    return { bytes: buffer.subarray(0, length), next: from + length };
  } finally {
    closeSync(descriptor);
  }
}
