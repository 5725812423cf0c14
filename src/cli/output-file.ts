import { accessSync, constants, statSync, writeFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { messageOf, TsmcpError } from "../core/errors.ts";

/** Throws `file-unwritable` when `path` cannot become a file, before anything was called whose result would be lost. */
export function assertWritable(path: string, cwd: string, option = "--output"): void {
  const full = resolve(cwd, path);
  try {
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat?.isDirectory()) throw new Error("it is a directory");
    accessSync(stat === undefined ? dirname(full) : full, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error, option);
  }
}

/** Writes the bytes. Throws `file-unwritable`. */
export function writeOutput(path: string, bytes: Uint8Array, cwd: string, option = "--output"): void {
  try {
    writeFileSync(resolve(cwd, path), bytes);
  } catch (error) {
    throw unwritable(path, error, option);
  }
}

/** Returns the name of the `index`th of several files: shot.png, shot-2.png, shot-3.png. */
export function numberedPath(path: string, index: number): string {
  if (index === 0) return path;
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}-${index + 1}${extension}`;
}

function unwritable(path: string, cause: unknown, option: string): TsmcpError {
  return new TsmcpError({
    code: "file-unwritable",
    message: `${JSON.stringify(path)} cannot be written: ${messageOf(cause)}`,
    hint: `name another file with ${option}`,
    facts: { path },
    cause,
  });
}
