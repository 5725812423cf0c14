import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { placeOf, type TextDefect } from "../config/jsonc.ts";
import { readTextFile } from "../config/text-file.ts";
import { systemCodeOf, TsmcpError } from "../core/errors.ts";
import type { FileOwnership } from "../core/replace-file.ts";
import type { AgentDialect } from "./dialect.ts";
import { type EntryDocument, readEntryDocument } from "./entry-text.ts";

/** An agent's file in a workspace, as it was found. */
export interface AgentFile {
  /** Where it stands, or will. */
  readonly path: string;
  /** Undefined when there is no file. */
  readonly found: { readonly bom: boolean; readonly ownership: FileOwnership } | undefined;
  /** The directories that must be made for it, the outermost first. */
  readonly missingDirectories: readonly string[];
  readonly document: EntryDocument;
}

/** Agents' files have some kilobytes; a larger one is something else. */
const maxFileBytes = 1024 * 1024;

/**
 * Returns the agent's file of a workspace. A link is followed as long as it stays in the workspace.
 * Throws `agent-config-invalid`, with the place, for a file that is not what the agent reads, and `usage-invalid` for a
 * workspace that does not exist.
 */
export function readAgentFile(workspace: string, dialect: AgentDialect): AgentFile {
  const path = locate(workspace, dialect.path);
  const stat = lstatOrNone(path);
  if (stat === undefined) {
    const missingDirectories = missingAbove(path);
    return { path, found: undefined, missingDirectories, document: readOwnText("", dialect) };
  }
  const file = readTextFile(path, maxFileBytes);
  if (file.status === "missing") throw invalidFile(path, "was there a moment ago and is gone");
  if (file.status === "invalid") throw invalidFile(path, file.reason);
  const result = readEntryDocument(file.text, dialect);
  if (result.status === "invalid") throw invalidText(path, file.text, result.defects);
  const { mode, uid, gid } = stat;
  return {
    path,
    found: { bom: file.bom, ownership: { mode, uid, gid } },
    missingDirectories: [],
    document: result.document,
  };
}

/** Reads a text that was made here, so that it cannot be invalid. */
export function readOwnText(text: string, dialect: AgentDialect): EntryDocument {
  const result = readEntryDocument(text, dialect);
  if (result.status === "ok") return result.document;
  throw new Error(`the text made for ${dialect.path} is invalid: ${result.defects[0]?.message}`);
}

/** Throws `agent-config-invalid` where the file, or the directory it is to be in, does not let itself be written. */
export function requireWritable({ path, found }: AgentFile): void {
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

/** Returns who owns a new file in `directory`, and its mode: as the directory is, without what makes it searchable. */
export function ownershipIn(directory: string): FileOwnership {
  const { mode, uid, gid } = statSync(directory);
  return process.getuid?.() === 0
    ? { mode: mode & 0o664, uid, gid }
    : { mode: mode & 0o664, uid: process.getuid?.() ?? uid, gid: process.getgid?.() ?? gid };
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

function invalidText(path: string, text: string, defects: readonly TextDefect[]): TsmcpError {
  const lines = defects.map(({ offset, message }) => `${path}:${placeOf(text, offset)}: ${message}`);
  return new TsmcpError({
    code: "agent-config-invalid",
    message: lines.join("\n  "),
    hint: "mend that file, then run this again; it was not touched",
    facts: { file: path, defects: lines },
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
