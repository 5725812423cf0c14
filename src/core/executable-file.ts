import { accessSync, constants, statSync } from "node:fs";

/** Returns true for a file, or a link to one, that this process may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
