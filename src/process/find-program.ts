import { resolve } from "node:path";
import { isExecutable } from "../core/executable-file.ts";

/** Returns the file that execvp(3) would start for `name`, or undefined. */
export function findProgram(name: string, { path, cwd }: { path: string; cwd: string }): string | undefined {
  const candidates = name.includes("/") ? [name] : path.split(":").map((directory) => `${directory || "."}/${name}`);
  return candidates.map((candidate) => resolve(cwd, candidate)).find(isExecutable);
}
