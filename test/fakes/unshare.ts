import { spawnSync } from "node:child_process";

/** Returns whether this kernel, and what guards it, let this user make namespaces: most containers do not. */
export function canUnshare(user?: { readonly uid: number; readonly gid: number }): boolean {
  const options = ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "true"];
  return spawnSync("unshare", options, { ...user, stdio: "ignore" }).status === 0;
}
