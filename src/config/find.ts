import { lstatSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const configFileName = "tsmcp.config.json";

/**
 * Returns the path of the nearest `tsmcp.config.json` (or `fileName`) at or above `from`, or undefined. The search ends, inclusively, at
 * the home directory, and before a directory on another mount or of another owner: what lies beyond is not the project's.
 */
export function findConfigUpwards(
  from: string,
  home: string | undefined,
  fileName = configFileName,
): string | undefined {
  const start = statOf(from);
  const end = home === undefined ? undefined : statSync(home, { throwIfNoEntry: false });
  if (start === undefined) return undefined;
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    const stat = statOf(directory);
    if (stat === undefined || stat.dev !== start.dev || stat.uid !== start.uid) return undefined;
    const path = join(directory, fileName);
    if (isOfThisPlace(statOf(path), stat)) return path;
    const isHome = stat.ino === end?.ino && stat.dev === end.dev;
    if (isHome || directory === dirname(directory)) return undefined;
  }
}

/**
 * In a directory that everybody may write, such as /tmp, a file of another owner than the directory's was put there by
 * a stranger: it is passed over. Directories and the like are taken, so that reading them says what is wrong.
 */
function isOfThisPlace(file: Stats | undefined, directory: Stats): boolean {
  return file !== undefined && (file.uid === directory.uid || file.uid === process.getuid?.());
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
