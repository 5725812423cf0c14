import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";

/** Notices directories that somebody put in the place of others. */
export interface PlaceWatch {
  /** Returns one of them that is not what it was when it was first seen. */
  moved(): string | undefined;
}

/**
 * Watches these directories, as far as our own user can move them: a program that was kept away from one could rename
 * what leads there, and find it under its new name when it is started again.
 */
export function watchPlaces(directories: readonly string[]): PlaceWatch {
  const known = new Map<string, string>();
  return {
    moved() {
      for (const directory of directories.filter(canBeMoved)) {
        const now = identityOf(directory);
        const before = known.get(directory);
        if (before !== undefined && now !== before) return directory;
        if (now !== undefined) known.set(directory, now);
      }
      return undefined;
    },
  };
}

function identityOf(directory: string): string | undefined {
  try {
    const { dev, ino } = statSync(directory);
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

function canBeMoved(directory: string): boolean {
  for (let at = dirname(directory); ; at = dirname(at)) {
    if (isWritable(at)) return true;
    if (at === dirname(at)) return false;
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
