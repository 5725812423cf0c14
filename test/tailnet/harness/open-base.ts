import { realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";

/** Returns a folder for temporary ones that other users of this machine can enter, or undefined where there is none. */
export function openBase(): string | undefined {
  return [tmpdir(), "/tmp", "/var/tmp"].find(isOpen);
}

function isOpen(path: string): boolean {
  for (let directory = realpathSync(path); ; directory = dirname(directory)) {
    if ((statSync(directory).mode & 0o001) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}
