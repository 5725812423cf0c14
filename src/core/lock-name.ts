import { randomBytes } from "node:crypto";
import { lstatSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { systemCodeOf } from "./errors.ts";

/** The name that whoever works in a directory holds. */
export interface LockName {
  readonly text: string;
  /** False where it was there already: somebody holds it, or was killed. */
  readonly isNew: boolean;
}

const namePattern = /^tsmcp-[0-9a-f]{32}$/;

/**
 * Returns the name to hold for the directory of `path`. Anybody may take any name of the kernel's, so this one is
 * random, made for one time of work, and told in a place of ours. It is the target of a link that leads nowhere: made at once
 * or not at all, and on a full disk too.
 */
export function nameToHold(path: string): LockName {
  for (;;) {
    const text = `tsmcp-${randomBytes(16).toString("hex")}`;
    try {
      symlinkSync(text, path);
      return { text, isNew: true };
    } catch (error) {
      if (systemCodeOf(error) !== "EEXIST") throw error;
    }
    const found = currentName(path);
    if (found !== undefined) return { text: found, isNew: false };
    // Not one that went in between: the next of ours may be there by now.
    if (isSomethingElse(path)) rmSync(path, { force: true, recursive: true });
  }
}

/** Returns the name that is told at `path`, or undefined. */
export function currentName(path: string): string | undefined {
  try {
    const text = readlinkSync(path);
    return namePattern.test(text) ? text : undefined;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}

function isSomethingElse(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !(stat.isSymbolicLink() && currentName(path) !== undefined);
}

/** Takes the name away; only for the one that holds it. */
export function forgetName(path: string): void {
  rmSync(path, { force: true });
}
