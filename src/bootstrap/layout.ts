import { createHash } from "node:crypto";
import { join } from "node:path";
import { homeDirectory, type RuntimeWorld } from "../core/runtime-directory.ts";
import { fitsSocketPath } from "../core/socket-path.ts";
import { canHoldSocket, realDirectory } from "../tailscale/socket-trust.ts";
import type { StateChoice } from "./request.ts";

/** Where `up` keeps what: all of it in the directory of this boot, but for what the user wants elsewhere. */
export interface Layout {
  readonly directory: string;
  readonly socket: string;
  readonly stateDir: string;
  readonly logsDir: string;
  readonly logFile: string;
  /** There and new as long as `up --foreground` finds that the tailnet answers. */
  readonly aliveFile: string;
  /** Tells the name that whoever is at work holds; found while nobody holds it, it tells that the one before was killed. */
  readonly lockFile: string;
}

export function layoutOf(directory: string, state: StateChoice, world: RuntimeWorld): Layout {
  return {
    directory,
    socket: socketPath(directory, world),
    stateDir: stateDirectory(directory, state, world),
    logsDir: join(directory, "logs"),
    logFile: join(directory, "tailscaled.log"),
    aliveFile: join(directory, "alive"),
    lockFile: join(directory, "lock"),
  };
}

/**
 * Under a long home directory, and one that others can write (a `~/.local` made under umask 002), the socket lies in
 * memory, by a name that follows from the directory's. A home that is its user's own link is followed once, here.
 */
function socketPath(directory: string, { shmDirectory = "/dev/shm" }: RuntimeWorld): string {
  const real = realDirectory(directory);
  const inside = join(real, "tailscaled.sock");
  if (fitsSocketPath(inside) && canHoldSocket(real)) return inside;
  const name = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  return join(shmDirectory, `tsmcp-${process.getuid?.() ?? 0}`, `${name}.sock`);
}

function stateDirectory(directory: string, state: StateChoice, { env }: RuntimeWorld): string {
  switch (state.kind) {
    case "boot":
      return join(directory, "state");
    case "persistent":
      return join(homeDirectory(env) ?? directory, ".local/state/tsmcp/persistent");
    case "directory":
      return state.path;
  }
}

/** Whether the state lies where the user wants it, beside who knows what, and not in a directory of ours. */
export function isUsersStateDir(stateDir: string, layouts: readonly Layout[]): boolean {
  return !layouts.some((layout) => layout.stateDir === stateDir);
}
