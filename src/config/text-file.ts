import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { messageOf, systemCodeOf } from "../core/errors.ts";

export type TextFileResult =
  | { readonly status: "ok"; readonly text: string; readonly bom: boolean; readonly uid: number; readonly mode: number }
  | { readonly status: "missing" }
  /** `code` is the system's, where it refused to open the file. */
  | { readonly status: "invalid"; readonly reason: string; readonly code?: string };

const byteOrderMark = "\uFEFF";

/**
 * Returns the text of a regular file of at most `maxBytes` in UTF-8, without its byte order mark, else why it cannot
 * be had. Never waits: a FIFO or device is only refused.
 */
export function readTextFile(path: string, maxBytes: number): TextFileResult {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === undefined && !(error instanceof TypeError)) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") return { status: "missing" };
    const reason = `cannot be read: ${code ?? messageOf(error)}`;
    return code === undefined ? { status: "invalid", reason } : { status: "invalid", reason, code };
  }
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) return { status: "invalid", reason: "is a directory" };
    if (!stat.isFile()) return { status: "invalid", reason: "is not a regular file" };
    const bytes = readUpTo(descriptor, maxBytes + 1);
    if (bytes.length > maxBytes) return { status: "invalid", reason: `is larger than ${maxBytes / 1024 ** 2} MiB` };
    const text = decode(bytes);
    if (text === undefined) return { status: "invalid", reason: "is not UTF-8" };
    const bom = text.startsWith(byteOrderMark);
    return { status: "ok", text: bom ? text.slice(1) : text, bom, uid: stat.uid, mode: stat.mode };
  } finally {
    closeSync(descriptor);
  }
}

/** The size of a file can change, or lie (in /proc it is 0), so what counts is what was read. */
function readUpTo(descriptor: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  for (let total = 0; total < maxBytes; ) {
    const chunk = Buffer.allocUnsafe(Math.min(64 * 1024, maxBytes - total));
    const length = readSync(descriptor, chunk);
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    total += length;
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
