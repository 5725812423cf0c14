import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";

/** Returns the file that execvp(3) would start for `name`, or undefined. */
export function findProgram(name: string, { path, cwd }: { path: string; cwd: string }): string | undefined {
  const candidates = name.includes("/") ? [name] : path.split(":").map((directory) => `${directory || "."}/${name}`);
  return candidates.map((candidate) => resolve(cwd, candidate)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
