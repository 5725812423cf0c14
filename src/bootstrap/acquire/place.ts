import { accessSync, constants, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { makeDirectories } from "../../core/make-directories.ts";
import { homeDirectory, type RuntimeWorld } from "../../core/runtime-directory.ts";

export const programNames = ["tailscale", "tailscaled"] as const;
export type ProgramName = (typeof programNames)[number];

/** Where there is no home. `locatePrograms` looks there, and in `~/.local/bin`. */
const systemPlace = "/usr/local/bin";

/** Returns the directory for programs: what was asked for, else the user's own. */
export function placeFor(directory: string | undefined, world: RuntimeWorld): string {
  if (directory !== undefined) return directory;
  const home = homeDirectory(world.env);
  return home === undefined ? systemPlace : join(home, ".local/bin");
}

/** Makes the directory, unless it is there. Throws `file-unwritable`. */
export function makePlace(directory: string): void {
  try {
    makeDirectories(directory, 0o755);
    accessSync(directory, constants.W_OK);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `the programs cannot be written into ${JSON.stringify(directory)}: ${messageOf(error)}`,
      hint: "name a directory that this user can write with --dir",
      cause: error,
    });
  }
}

/** In the same directory, so that a rename puts it in its place, all or nothing. */
export function temporaryName(directory: string, name: ProgramName): string {
  return join(directory, `.${name}.tsmcp-${process.pid}`);
}

/** Puts the programs in their place and returns whether that changed anything. tailscaled goes last: who finds it finds both. */
export function putInPlace(from: Readonly<Record<ProgramName, string>>, directory: string): boolean {
  const changes = programNames.map((name) => {
    const place = join(directory, name);
    if (isSameFile(from[name], place)) {
      rmSync(from[name]);
      return false;
    }
    renameSync(from[name], place);
    return true;
  });
  return changes.includes(true);
}

/** Returns whether programs in this directory are found by name. */
export function isOnPath(directory: string, { env }: RuntimeWorld): boolean {
  return (env.PATH ?? "").split(delimiter).some((entry) => entry !== "" && resolve(entry) === resolve(directory));
}

function isSameFile(left: string, right: string): boolean {
  const stat = statSync(right, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || (stat.mode & 0o111) !== 0o111 || stat.size !== statSync(left).size)
    return false;
  return readFileSync(left).equals(readFileSync(right));
}
