import {
  accessSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { readTextFile } from "../config/text-file.ts";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { type FileOwnership, replaceFile } from "../core/replace-file.ts";

/** A text file of a workspace, as it was found. */
export interface WorkspaceFile {
  /** Where it stands, or will. */
  readonly path: string;
  /** Undefined when there is no file. */
  readonly found: { readonly bom: boolean; readonly ownership: FileOwnership } | undefined;
  /** The directories that must be made for it, the outermost first. */
  readonly missingDirectories: readonly string[];
  /** Empty when there is no file. */
  readonly text: string;
}

/** What is read here has some kilobytes; a larger file is something else. */
const maxFileBytes = 1024 * 1024;

/**
 * Returns a file of a workspace by its path from there. A link is followed as long as it stays in the workspace.
 * Throws `agent-config-invalid` for what is no such file, and `usage-invalid` for a workspace that does not exist.
 */
export function readWorkspaceFile(workspace: string, relativePath: string): WorkspaceFile {
  const path = locate(workspace, relativePath);
  const stat = lstatOrNone(path);
  if (stat === undefined) return { path, found: undefined, missingDirectories: missingAbove(path), text: "" };
  const file = readTextFile(path, maxFileBytes);
  if (file.status === "missing") throw invalidFile(path, "was there a moment ago and is gone");
  if (file.status === "invalid") throw invalidFile(path, file.reason);
  const { mode, uid, gid } = stat;
  return { path, found: { bom: file.bom, ownership: { mode, uid, gid } }, missingDirectories: [], text: file.text };
}

/**
 * Puts `text` where the file is, all or nothing. Throws `agent-config-invalid` when that fails, and `busy` when somebody
 * changed the file since it was read; then it is as it was.
 */
export function writeWorkspaceFile(file: WorkspaceFile, text: string, modeBits = 0): void {
  requireUnchanged(file);
  const made: string[] = [];
  try {
    for (const directory of file.missingDirectories) {
      if (makeDirectory(directory)) made.push(directory);
    }
    const { path, found } = file;
    const bytes = Buffer.from(found?.bom === true ? `\uFEFF${text}` : text);
    const ownership = found?.ownership ?? ownershipIn(dirname(path));
    replaceFile(path, bytes, { ...ownership, mode: ownership.mode | modeBits });
  } catch (error) {
    for (const directory of made.toReversed()) rmdirSync(directory);
    throw invalidFile(file.path, `could not be written: ${messageOf(error)}`, error);
  }
}

/** Throws `agent-config-invalid` where the file, or the directory it is to be in, does not let itself be written. */
export function requireWritable({ path, found }: WorkspaceFile): void {
  const directory = existingDirectory(dirname(path));
  for (const place of found === undefined ? [directory] : [path, directory]) {
    // Root may write what says it is read-only, and should not.
    if ((statSync(place).mode & 0o222) === 0) throw invalidFile(place, "is read-only");
    try {
      accessSync(place, constants.W_OK);
    } catch (error) {
      throw invalidFile(place, `cannot be written (${systemCodeOf(error)})`, error);
    }
  }
}

export function invalidFile(path: string, reason: string, cause?: unknown): TsmcpError {
  return new TsmcpError({
    code: "agent-config-invalid",
    message: `${JSON.stringify(path)} ${reason}`,
    hint: "mend or move that file, then run this again; it was not touched",
    facts: { file: path },
    cause,
  });
}

/** Returns who owns a new file in `directory`, and its mode: as the directory is, without what makes it searchable. */
function ownershipIn(directory: string): FileOwnership {
  const { mode, uid, gid } = statSync(directory);
  return process.getuid?.() === 0
    ? { mode: mode & 0o664, uid, gid }
    : { mode: mode & 0o664, uid: process.getuid?.() ?? uid, gid: process.getgid?.() ?? gid };
}

/** Returns whether it made it: two files may want the same new directory. */
function makeDirectory(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false;
  mkdirSync(path);
  const { uid, gid } = statSync(dirname(path));
  // Root works for the user whose project this is.
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
  return true;
}

function requireUnchanged({ path, found, text }: WorkspaceFile): void {
  const now = readTextFile(path, Number.MAX_SAFE_INTEGER);
  const isSame = found === undefined ? now.status === "missing" : now.status === "ok" && now.text === text;
  if (isSame) return;
  throw new TsmcpError({
    code: "busy",
    message: `${JSON.stringify(path)} was changed by somebody else just now`,
    hint: "run this again",
    facts: { file: path },
  });
}

/** Returns where the file really is: `path` in the workspace, links followed, and never outside of it. */
function locate(workspace: string, path: string): string {
  const root = realWorkspace(workspace);
  let at = root;
  const names = path.split("/");
  for (const [index, name] of names.entries()) {
    at = join(at, name);
    const stat = lstatOrNone(at);
    if (stat === undefined) return join(at, ...names.slice(index + 1));
    if (stat.isSymbolicLink()) at = followInside(at, root);
    if (index < names.length - 1 && !statSync(at).isDirectory()) throw invalidFile(at, "is not a directory");
  }
  return at;
}

function followInside(link: string, root: string): string {
  let target: string;
  try {
    target = realpathSync(link);
  } catch (error) {
    throw invalidFile(link, `is a symbolic link that leads nowhere (${systemCodeOf(error)})`, error);
  }
  if (target.startsWith(`${root}/`)) return target;
  throw invalidFile(link, "is a symbolic link out of the workspace");
}

function realWorkspace(workspace: string): string {
  try {
    const root = realpathSync(workspace);
    if (statSync(root).isDirectory()) return root;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
  }
  throw new TsmcpError({
    code: "usage-invalid",
    message: `the workspace ${JSON.stringify(workspace)} is not a directory`,
    hint: "pass --workspace with the directory of the project",
  });
}

function missingAbove(path: string): readonly string[] {
  const missing: string[] = [];
  for (let at = dirname(path); lstatOrNone(at) === undefined; at = dirname(at)) missing.unshift(at);
  return missing;
}

function existingDirectory(path: string): string {
  return lstatOrNone(path) === undefined ? existingDirectory(dirname(path)) : path;
}

function lstatOrNone(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw invalidFile(path, `cannot be looked at (${systemCodeOf(error)})`, error);
  }
}
