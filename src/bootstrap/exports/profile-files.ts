import { accessSync, constants, existsSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { replaceFile } from "../../core/replace-file.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { addBlock, removeBlock, scriptOfBlock } from "./profile-block.ts";

/**
 * Every file that a shell may read when it starts. A bash that is a login shell reads the first of `.bash_profile`,
 * `.bash_login` and `.profile`; one that is not reads `.bashrc`; sh, dash and busybox read `.profile`; zsh always reads
 * `.zshenv`. Sources: bash(1) INVOCATION, dash(1), zsh(1) STARTUP/SHUTDOWN FILES.
 */
const profileNames = [".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv"] as const;

/** A profile is some kilobytes; what is larger is left alone. */
const maxProfileBytes = 1024 * 1024;

/**
 * Writes the block into every profile that the machine's shells read, making those that a shell here would look for.
 * Returns the files that have it now, whether any had to be written, and why those are left that could not be: some
 * people's profiles are read-only on purpose. Throws `file-unwritable` when none can be written.
 */
export function addToProfiles(place: { home: string; env: Environment; script: string }): {
  readonly files: readonly string[];
  readonly changed: boolean;
  readonly left: readonly TsmcpError[];
} {
  const results = wantedProfiles(place).map((name) => addToProfile(join(place.home, name), place.script));
  const left = results.flatMap((result) => (result.status === "left" ? [result.reason] : []));
  const [first] = left;
  if (first !== undefined && left.length === results.length) throw first;
  return {
    files: results.flatMap((result) => (result.status === "left" ? [] : [result.path])),
    changed: results.some(({ status }) => status === "written"),
    left,
  };
}

/**
 * Takes the block out of every profile where it sources `script`, or one that is no longer there. Returns the files
 * that it was in, and why those are left that could not be written.
 */
export function removeFromProfiles({ home, script }: { home: string; script: string }): {
  readonly files: readonly string[];
  readonly left: readonly TsmcpError[];
} {
  const results = profileNames.map((name) => removeFromProfile(join(home, name), script));
  return {
    files: results.flatMap((result) => (result.status === "written" ? [result.path] : [])),
    left: results.flatMap((result) => (result.status === "left" ? [result.reason] : [])),
  };
}

type ProfileResult =
  | { readonly status: "written" | "kept"; readonly path: string }
  | { readonly status: "left"; readonly reason: TsmcpError };

function addToProfile(path: string, script: string): ProfileResult {
  return unlessUnwritable(() => {
    const before = readProfile(path);
    const after = addBlock(before, script);
    if (after === before) return { status: "kept", path };
    writeProfile(path, after);
    return { status: "written", path };
  });
}

function removeFromProfile(path: string, script: string): ProfileResult {
  return unlessUnwritable(() => {
    const before = readProfile(path);
    const sourced = before === undefined ? undefined : scriptOfBlock(before);
    // A container that shares this home may be up still.
    const isUsed = sourced !== undefined && sourced !== script && existsSync(sourced);
    if (before === undefined || sourced === undefined || isUsed) return { status: "kept", path };
    const after = removeBlock(before);
    if (after === undefined) rmSync(path);
    else writeProfile(path, after);
    return { status: "written", path };
  });
}

function unlessUnwritable(change: () => ProfileResult): ProfileResult {
  try {
    return change();
  } catch (error) {
    if (error instanceof TsmcpError) return { status: "left", reason: error };
    throw error;
  }
}

function wantedProfiles({ home, env }: { home: string; env: Environment }): readonly string[] {
  const shells = { ".bashrc": "bash", ".zshenv": "zsh" } as const;
  return profileNames.filter((name) => {
    if (name === ".profile" || existsSync(join(home, name))) return true;
    return (name === ".bashrc" || name === ".zshenv") && isOnPath(shells[name], env);
  });
}

function isOnPath(name: string, env: Environment): boolean {
  return (env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return directory !== "";
    } catch {
      return false;
    }
  });
}

/** Read byte by byte: a profile may be in any encoding. */
function readProfile(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isFile() || stat.size > maxProfileBytes) throw unwritable(path, "is not a profile of a shell");
    return readFileSync(path, "latin1");
  } catch (error) {
    // A home that is no directory has none.
    if (systemCodeOf(error) === "ENOTDIR") return undefined;
    if (systemCodeOf(error) === undefined) throw error;
    throw unwritable(path, `cannot be read: ${messageOf(error)}`, error);
  }
}

/** Through a link, as those who keep their profiles in a repository have them. */
function writeProfile(path: string, text: string): void {
  try {
    const target = existsSync(path) ? realpathSync(path) : path;
    const found = statSync(target, { throwIfNoEntry: false });
    const { uid, gid } = found ?? statSync(dirname(target));
    if (found !== undefined && (found.mode & 0o222) === 0) throw unwritable(path, "is read-only");
    replaceFile(target, Buffer.from(text, "latin1"), { mode: found?.mode ?? 0o644, uid, gid });
  } catch (error) {
    if (error instanceof TsmcpError || systemCodeOf(error) === undefined) throw error;
    throw unwritable(path, `cannot be written: ${messageOf(error)}`, error);
  }
}

function unwritable(path: string, reason: string, cause?: unknown): TsmcpError {
  return new TsmcpError({
    code: "file-unwritable",
    message: `${JSON.stringify(path)} ${reason}`,
    hint: 'mend that, or pass --export none and use eval "$(tsmcp env)" instead',
    facts: { file: path },
    cause,
  });
}
