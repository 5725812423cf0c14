import { spawnSync } from "node:child_process";

/** Somebody who has no files. */
export const otherUser = { uid: 65_534, gid: 65_533 };

/** Returns whether a program can be started as somebody else here: by root, from where others may read it. */
export function canRunAsOther(program: string): boolean {
  if (process.getuid?.() !== 0) return false;
  return spawnSync(process.execPath, ["--check", program], { ...otherUser, stdio: "ignore" }).status === 0;
}
