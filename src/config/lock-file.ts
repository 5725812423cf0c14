import { statSync } from "node:fs";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { plainJson } from "../core/plain-text.ts";
import { replaceFile } from "../core/replace-file.ts";
import { type LockedServer, type LockResult, readLock } from "./lock.ts";
import { isSameServerUrl } from "./server.ts";

/**
 * Puts `servers` into the lock at `path`, each in the place of the one with its name or URL; others stay. What a server
 * said is kept whole, with the signs that could hide something written as escapes. Throws `file-unwritable`.
 */
export function updateLock(path: string, servers: ReadonlyMap<string, LockedServer>): void {
  const before = serversIn(readLock(path));
  const kept = Object.entries(before).filter(
    ([name, { url }]) =>
      !servers.has(name) && ![...servers.values()].some((server) => isSameServerUrl(server.url, url)),
  );
  const lock = { version: 1, servers: Object.fromEntries([...kept, ...servers]) };
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    const uid = found?.uid ?? process.getuid?.() ?? 0;
    const gid = found?.gid ?? process.getgid?.() ?? 0;
    const mode = found === undefined ? 0o644 : found.mode & 0o777;
    replaceFile(path, Buffer.from(`${plainJson(JSON.stringify(lock, null, 2))}\n`), { mode, uid, gid });
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `${JSON.stringify(path)} cannot be written: ${messageOf(error)}`,
      hint: "name another file with --lock",
      facts: { path },
      cause: error,
    });
  }
}

/** A lock that cannot be read holds nothing worth keeping. */
function serversIn(lock: LockResult): Readonly<Record<string, LockedServer>> {
  return lock.status === "ok" ? lock.lock.servers : {};
}
