import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { makeDirectories } from "../core/make-directories.ts";
import { directoryDefect, makeOwnDirectory } from "../core/runtime-directory.ts";

/** What tailscaled keeps in its state directory. Source: tailscale `cmd/tailscaled/tailscaled.go`, `ipn/ipnlocal`. */
const stateNames = ["tailscaled.state", "derpmap.cached.json", "profile-data", "files", "certs"];

/**
 * Names what was not in a directory of the user's when tailscaled was started there: all that may be removed. It lies
 * beside the state, because it has to outlive the boot, as that does.
 */
const claimName = ".tsmcp-state";
const maxClaimBytes = 4096;

export interface StateDirectory {
  readonly path: string;
  readonly isUsers: boolean;
}

/**
 * Makes tailscaled's state directory, unless it is there. One of the user's own keeps its mode, and what is in it.
 * Throws `runtime-directory-unsafe` when it is not ours, because the node's private key lies there, and
 * `file-unwritable`: tailscaled would go on in memory and say so nowhere but in its health.
 */
export function makeStateDirectory({ path, isUsers }: StateDirectory): void {
  try {
    if (!isUsers) makeOwnDirectory(path);
    else if (makeDirectories(path, 0o700)) chmodSync(path, 0o700);
    requireOwn(path);
    accessSync(path, constants.W_OK);
    if (isUsers) claim(path, (name, claimed) => claimed || !isThere(join(path, name)));
  } catch (error) {
    if (error instanceof TsmcpError || systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `tailscaled's state cannot be kept in ${JSON.stringify(path)}: ${messageOf(error)}`,
      hint: "name a directory that this user can write with --state-dir",
      cause: error,
    });
  }
}

function requireOwn(path: string): void {
  const defect = directoryDefect(path);
  if (defect === undefined) return;
  throw new TsmcpError({
    code: "runtime-directory-unsafe",
    message: `--state-dir: ${JSON.stringify(path)} ${defect}`,
    hint: "name a directory of yours",
  });
}

/** Removes tailscaled's state, and the directory where it was made for that. What is the user's own stays. */
export function removeState({ path, isUsers }: StateDirectory): void {
  const trash = isUsers ? [...claimedIn(path), claimName].map((name) => join(path, name)) : [path];
  for (const one of trash) rmSync(one, { recursive: true, force: true });
}

/** Leaves the state for the next start. What appears in a directory of the user's until then is not tailscaled's. */
export function keepState({ path, isUsers }: StateDirectory): void {
  if (!isUsers) return;
  try {
    claim(path, (name, claimed) => claimed && isThere(join(path, name)));
  } catch (error) {
    // Where nothing can be written the user puts nothing either; a directory that is gone holds nothing.
    if (systemCodeOf(error) === undefined) throw error;
  }
}

function claim(path: string, isOurs: (name: string, claimed: boolean) => boolean): void {
  const claimed = claimedIn(path);
  const ours = stateNames.filter((name) => isOurs(name, claimed.includes(name)));
  const file = join(path, claimName);
  if (ours.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  const temporary = `${file}.new`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${ours.join("\n")}\n`, { flag: "wx", mode: 0o600 });
  renameSync(temporary, file);
}

/** Somebody's own file of that name claims nothing but these names. */
function claimedIn(path: string): readonly string[] {
  try {
    const file = join(path, claimName);
    const stat = lstatSync(file);
    if (!stat.isFile() || stat.size > maxClaimBytes) return [];
    const lines = readFileSync(file, "utf8").split("\n");
    return stateNames.filter((name) => lines.includes(name));
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return [];
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Returns true where no node has its identity yet. */
export function hasNoState(path: string): boolean {
  try {
    return !readdirSync(path).includes("tailscaled.state");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(systemCodeOf(error) ?? "")) return true;
    throw error;
  }
}
