import { realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isExecutable } from "../core/executable-file.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { lastingDirectories } from "../core/search-path.ts";

/** How an agent can start tsmcp. */
export interface Launcher {
  readonly command: string;
  /** What stands before `bridge`. */
  readonly leadingArgs: readonly string[];
}

/**
 * Returns how an agent with this PATH starts tsmcp: by name where it is found, else by absolute path, with Node's own
 * path before it where `env` would not find that either.
 */
export function launcherFor(world: { env: Environment; script: string; node: string }): Launcher {
  const { env, node } = world;
  if (findOnPath("tsmcp", env) !== undefined) return { command: "tsmcp", leadingArgs: [] };
  // Started as tsmcp-bootstrap, or through a link of npm's, the launcher stands beside the real file.
  const launcher = join(dirname(realPathOr(world.script)), "tsmcp");
  if (!isExecutable(launcher)) return { command: "tsmcp", leadingArgs: [] };
  return findOnPath("node", env) === undefined
    ? { command: node, leadingArgs: [launcher] }
    : { command: launcher, leadingArgs: [] };
}

/** Returns the executable that `command` means for an agent that starts it in `workspace`, or undefined. */
export function findExecutable(command: string, world: { env: Environment; workspace: string }): string | undefined {
  if (!command.includes("/")) return findOnPath(command, world.env);
  const path = resolve(world.workspace, command);
  return isExecutable(path) ? path : undefined;
}

/** What is on PATH for the run of one npm script only, an agent will not have. */
function findOnPath(name: string, env: Environment): string | undefined {
  return lastingDirectories(env.PATH ?? "")
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function realPathOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
