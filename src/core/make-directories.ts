import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemCodeOf } from "./errors.ts";

/**
 * Makes a directory, and those above it, with `mode`; one that is there stays as it is. Returns whether it made any.
 * Throws the system's error. Node's own `recursive` never returns where a file system answers ENOENT below a directory
 * that exists, as /proc does (seen with Node 20.20).
 */
export function makeDirectories(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST" && statSync(path).isDirectory()) return false;
    if (systemCodeOf(error) !== "ENOENT" || exists(dirname(path))) throw error;
  }
  makeDirectories(dirname(path), mode);
  // Again from the start: another process may make the same ones.
  return makeDirectories(path, mode);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
