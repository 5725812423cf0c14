import { existsSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve, sep } from "node:path";
import type { Environment } from "./runtime-directory.ts";

/**
 * Returns the directories of `PATH` in which programs last: not the relative ones, which depend on where one stands, and
 * not what package managers put first for the run of one script: `node_modules/.bin` from the working directory upwards,
 * and yarn's temporary `xfs-…`. Source: npm `@npmcli/run-script`, `lib/set-path.js`; yarn `@yarnpkg/fslib`, `xfs.ts`.
 */
export function lastingDirectories(path: string): readonly string[] {
  return path
    .split(delimiter)
    .filter((directory) => isAbsolute(directory) && !/\/(node_modules\/\.bin|xfs-[0-9a-f]+)$/.test(resolve(directory)));
}

/**
 * Returns the lasting directories without those of the repository that `cwd` is in: what a repository brings must not be
 * handed a key.
 */
export function trustedDirectories(
  path: string,
  world: { env: Environment; cwd: string | undefined },
): readonly string[] {
  const repository = world.cwd === undefined ? undefined : repositoryOf(world.cwd, world.env.HOME);
  return lastingDirectories(path).filter(
    (directory) => repository === undefined || !isInside(resolve(directory), repository),
  );
}

/** Returns the process's working directory, or undefined when it was deleted. */
export function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** A repository of the whole home is its user's own, with `~/.local/bin` in it. */
function repositoryOf(cwd: string, home: string | undefined): string | undefined {
  for (let directory = resolve(cwd); directory !== dirname(directory); directory = dirname(directory)) {
    if (home !== undefined && isInside(resolve(home), directory)) return undefined;
    if (existsSync(join(directory, ".git"))) return directory;
  }
  return undefined;
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory + sep);
}
