import { accessSync, chmodSync, constants, lstatSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "./errors.ts";
import { machineName } from "./machine.ts";
import { makeDirectories } from "./make-directories.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface RuntimeWorld {
  readonly env: Environment;
  /** For tests: where `/dev/shm` and `/proc` are. */
  readonly shmDirectory?: string;
  readonly procDirectory?: string;
}

/**
 * Returns the directories where what `up` did on this boot may be kept, the preferred one first. They depend on
 * `HOME`, the user and the boot alone, because the bridge is started with nothing else.
 */
export function runtimeDirectories(world: RuntimeWorld): readonly string[] {
  return runtimeRoots(world).map((root) => join(root, machineName(world.procDirectory)));
}

/** Returns those of `runtimeDirectories` that are there and ours: in /dev/shm anybody may have made one first. */
export function ownRuntimeDirectories(world: RuntimeWorld): readonly string[] {
  return runtimeDirectories(world).filter((directory) => isOwn(dirname(directory)) && isOwn(directory));
}

/**
 * Returns the first of `runtimeDirectories` that could be made, 0700 and ours.
 * Throws `runtime-directory-unsafe` when one exists that somebody else made or that is a symbolic link, and
 * `file-unwritable` when none can be written.
 */
export function makeRuntimeDirectory(world: RuntimeWorld): string {
  const refusals: unknown[] = [];
  for (const root of runtimeRoots(world)) {
    const directory = join(root, machineName(world.procDirectory));
    try {
      makeOwnDirectory(root);
      makeOwnDirectory(directory);
      // It may be there on a file system that can only be read by now.
      accessSync(directory, constants.W_OK);
      return directory;
    } catch (error) {
      if (error instanceof TsmcpError) throw error;
      refusals.push(error);
    }
  }
  throw new TsmcpError({
    code: "file-unwritable",
    message: `neither the home directory nor ${world.shmDirectory ?? "/dev/shm"} can be written`,
    hint: "set HOME to a directory that this user can write",
    cause: refusals[0],
  });
}

/**
 * Returns a directory for what outlives a boot, made 0700 and ours, beside those of `runtimeDirectories`.
 * Throws as `makeRuntimeDirectory` does.
 */
export function makeStateDirectory(world: RuntimeWorld, name: string): string {
  const [root = ""] = runtimeRoots(world);
  const directory = join(root, name);
  try {
    makeOwnDirectory(root);
    makeOwnDirectory(directory);
    return directory;
  } catch (error) {
    if (error instanceof TsmcpError) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `cannot make ${JSON.stringify(directory)}: ${messageOf(error)}`,
      hint: "set HOME to a directory that this user can write",
      cause: error,
    });
  }
}

/**
 * Returns where `makeStateDirectory` has its directory, whether it is there or not. Throws `runtime-directory-unsafe` when somebody
 * else made it, or the one that it is in.
 */
export function findStateDirectory(world: RuntimeWorld, name: string): string {
  const [root = ""] = runtimeRoots(world);
  const directory = join(root, name);
  for (const one of [root, directory]) if (isThere(one)) refuseOthers(one);
  return directory;
}

/**
 * Makes `directory` (0700) unless it is there. Throws `runtime-directory-unsafe` when it is not a directory of ours:
 * in a place that others can write, such as /dev/shm, somebody may have put it there first.
 */
export function makeOwnDirectory(directory: string): void {
  makeDirectories(directory, 0o700);
  refuseOthers(directory);
  if ((lstatSync(directory).mode & 0o777) !== 0o700) chmodSync(directory, 0o700);
}

function refuseOthers(directory: string): void {
  const defect = directoryDefect(directory);
  if (defect === undefined) return;
  throw new TsmcpError({
    code: "runtime-directory-unsafe",
    message: `${JSON.stringify(directory)} ${defect}`,
    hint: "find out who made it, then remove it",
  });
}

/** Returns why `directory` is no directory of ours, or undefined when it is one. Throws when it is missing. */
export function directoryDefect(directory: string): string | undefined {
  const stat = lstatSync(directory);
  if (stat.isSymbolicLink()) return "is a symbolic link";
  if (!stat.isDirectory()) return "is not a directory";
  const uid = process.getuid?.();
  return uid === undefined || stat.uid === uid ? undefined : `belongs to user ${stat.uid}`;
}

/** Also a link that leads nowhere yet. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function isOwn(directory: string): boolean {
  try {
    return directoryDefect(directory) === undefined;
  } catch {
    return false;
  }
}

/** Returns where everything that tsmcp keeps for this user may be. */
export function runtimeRoots({ env, shmDirectory = "/dev/shm" }: RuntimeWorld): readonly string[] {
  const home = homeDirectory(env);
  const shared = join(shmDirectory, `tsmcp-${process.getuid?.() ?? 0}`);
  return home === undefined ? [shared] : [join(home, ".local/state/tsmcp"), shared];
}

/**
 * Returns the home directory (`HOME`, else the user database), or undefined where there is none to trust: under
 * `sudo -E` root keeps the user's HOME, and that user could move what root writes there.
 */
export function homeDirectory(env: Environment): string | undefined {
  const home = env.HOME === undefined || env.HOME === "" ? userDatabaseHome() : env.HOME;
  if (home === undefined || !isAbsolute(home)) return undefined;
  try {
    const { uid } = statSync(home);
    return uid === 0 || uid === process.getuid?.() ? home : undefined;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}

function userDatabaseHome(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    // A container may run under a user id that has no entry.
    return undefined;
  }
}
