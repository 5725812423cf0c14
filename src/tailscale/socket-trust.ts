import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { systemCodeOf, TsmcpError } from "../core/errors.ts";

/** A file's owner and kind, as `lstat` tells them. */
export interface FileFacts {
  readonly uid: number;
  readonly kind: "socket" | "directory" | "link" | "other";
  readonly mode: number;
}

/**
 * Throws `daemon-foreign` unless the socket at `path` can only be this user's or root's: whoever listens there is handed
 * the key (`tailscale up` asks no questions), or is believed about who calls. Nothing at `path` is fine where nobody else
 * can put something there.
 */
export function requireTrustedSocket(path: string, purpose = "with a key"): void {
  const defect = socketDefect(path, { uid: process.getuid?.() ?? 0, look });
  if (defect === undefined) return;
  throw new TsmcpError({
    code: "daemon-foreign",
    message: `the socket ${JSON.stringify(path)} is not to be trusted ${purpose}: ${defect}`,
    hint: "name a socket in a directory that only you or root can write",
    facts: { socket: path },
  });
}

/**
 * Returns whether a socket in `directory`, which is there or is made for it with mode 0700, can only be this user's or
 * root's. The path has to be free of symbolic links, as `realDirectory` returns it.
 */
export function canHoldSocket(directory: string): boolean {
  try {
    let existing = directory;
    while (look(existing) === undefined) existing = dirname(existing);
    return socketDefect(join(existing, "socket"), { uid: process.getuid?.() ?? 0, look }) === undefined;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return false;
  }
}

/** Returns the path without symbolic links, as far as its directories are there. */
export function realDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemCodeOf(error) === undefined || path === dirname(path)) return path;
    return join(realDirectory(dirname(path)), basename(path));
  }
}

/** Returns why somebody other than `uid` and root may listen at `path`, or undefined when nobody can. */
export function socketDefect(
  path: string,
  { uid, look }: { uid: number; look: (path: string) => FileFacts | undefined },
): string | undefined {
  if (!isAbsolute(path)) return "its path is not absolute";
  const trusted = (facts: FileFacts): boolean => facts.uid === uid || facts.uid === 0;
  const socket = look(path);
  if (socket !== undefined && socket.kind !== "socket") return "it is not a socket";
  if (socket !== undefined && !trusted(socket)) return `it belongs to user ${socket.uid}`;
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const facts = look(directory);
    if (facts === undefined) return `the directory ${directory} is missing`;
    // /var/run is root's link to /run on every distribution; anybody else's could be turned round at any time.
    if (facts.kind === "link" && facts.uid !== 0) return `${directory} is a symbolic link`;
    if (facts.kind !== "link") {
      if (!trusted(facts)) return `the directory ${directory} belongs to user ${facts.uid}`;
      const writable = (facts.mode & 0o022) !== 0;
      const sticky = (facts.mode & 0o1000) !== 0;
      // In a sticky directory nobody can replace what is there, but anybody can be first.
      if (writable && !(sticky && (socket !== undefined || directory !== dirname(path)))) {
        return `others can write the directory ${directory}`;
      }
    }
    if (directory === dirname(directory)) return undefined;
  }
}

function look(path: string): FileFacts | undefined {
  try {
    const stat = lstatSync(path);
    const kind = stat.isSocket()
      ? "socket"
      : stat.isDirectory()
        ? "directory"
        : stat.isSymbolicLink()
          ? "link"
          : "other";
    return { uid: stat.uid, kind, mode: stat.mode };
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
