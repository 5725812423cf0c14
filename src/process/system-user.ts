import { readFileSync } from "node:fs";

/** Whom a program runs as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** passwd(5). */
const passwdFile = "/etc/passwd";

/**
 * Returns the user that `text` names: `NAME` or `UID` of /etc/passwd, or any `UID:GID`. Undefined where there is none.
 */
export function findSystemUser(text: string, file = passwdFile): SystemUser | undefined {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid), home: "/" };
  const entries = readPasswd(file).map((line) => line.split(":"));
  const entry = entries.find(([name]) => name === text) ?? entries.find(([, , id]) => id === text);
  if (entry === undefined) return undefined;
  const [, , ownUid = "", ownGid = "", , home = ""] = entry;
  return /^\d+$/.test(ownUid) && /^\d+$/.test(ownGid)
    ? { uid: Number(ownUid), gid: Number(ownGid), home: home.startsWith("/") ? home : "/" }
    : undefined;
}

function readPasswd(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    // A container may have none.
    return [];
  }
}
