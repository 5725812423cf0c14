import { accessSync, chmodSync, constants, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { makeDirectories } from "../core/make-directories.ts";
import { directoryDefect, makeOwnDirectory } from "../core/runtime-directory.ts";

/** What tailscaled keeps in its state directory. Source: tailscale `cmd/tailscaled/tailscaled.go`, `ipn/ipnlocal`. */
const stateNames = ["tailscaled.state", "derpmap.cached.json", "profile-data", "files", "certs"];

/**
 * Makes tailscaled's state directory, unless it is there. One of the user's own keeps its mode.
 * Throws `runtime-directory-unsafe` when it is not ours, because the node's private key lies there, and
 * `file-unwritable`: tailscaled would go on in memory and say so nowhere but in its health.
 */
export function makeStateDirectory({ path, isUsers }: { readonly path: string; readonly isUsers: boolean }): void {
  try {
    if (!isUsers) makeOwnDirectory(path);
    else if (makeDirectories(path, 0o700)) chmodSync(path, 0o700);
    accessSync(path, constants.W_OK);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `tailscaled's state cannot be kept in ${JSON.stringify(path)}: ${messageOf(error)}`,
      hint: "name a directory that this user can write with --state-dir",
      cause: error,
    });
  }
  const defect = directoryDefect(path);
  if (defect === undefined) return;
  throw new TsmcpError({
    code: "runtime-directory-unsafe",
    message: `--state-dir: ${JSON.stringify(path)} ${defect}`,
    hint: "name a directory of yours",
  });
}

/** Removes tailscaled's state, and the directory where it was made for that. In the user's own directory the rest stays. */
export function removeState({ path, isUsers }: { readonly path: string; readonly isUsers: boolean }): void {
  const trash = isUsers ? stateNames.map((name) => join(path, name)) : [path];
  for (const one of trash) rmSync(one, { recursive: true, force: true });
}

/** Returns true where no node has its identity yet. */
export function hasNoState(path: string): boolean {
  try {
    return !readdirSync(path).includes("tailscaled.state");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return true;
    throw error;
  }
}
