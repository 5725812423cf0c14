import { realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";

/** What is left of the 107 bytes of a socket's path is enough for what the tests and the product put below. */
const maxPathBytes = 40;

/** Returns a folder for temporary ones that other users of this machine can enter, or undefined where there is none; one with a short path where there is. */
export function openBase(): string | undefined {
  const open = [tmpdir(), "/tmp", "/var/tmp"].filter(isOpen);
  return open.find((path) => Buffer.byteLength(realpathSync(path)) <= maxPathBytes) ?? open[0];
}

function isOpen(path: string): boolean {
  for (let directory = realpathSync(path); ; directory = dirname(directory)) {
    if ((statSync(directory).mode & 0o001) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}
