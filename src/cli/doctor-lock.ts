import { dirname, resolve } from "node:path";
import { findConfigUpwards } from "../config/find.ts";
import { type LockedServer, lockFileName } from "../config/lock.ts";
import { updateLock } from "../config/lock-file.ts";
import type { Server } from "../config/server.ts";
import type { CommandContext } from "./context.ts";
import { assertWritable } from "./output-file.ts";

/** The lock of one run: where it is, and, with `--update-lock`, what is to go into it. */
export interface LockKeeper {
  /** Undefined: it is looked for. */
  readonly file: string | undefined;
  readonly keepSnapshot: ((server: Server, snapshot: LockedServer) => void) | undefined;
  /** Writes what was kept; nothing where no server could be looked at. Throws `file-unwritable`. */
  write(): void;
}

/** Throws `file-unwritable` before anything is looked at. */
export function lockKeeper(
  { file, update }: { readonly file: string | undefined; readonly update: boolean },
  context: CommandContext,
): LockKeeper {
  const { cwd, env, log } = context;
  const typed = file === undefined ? undefined : resolve(cwd, file);
  if (!update) return { file: typed, keepSnapshot: undefined, write: () => {} };
  const path = typed ?? findConfigUpwards(cwd, env.HOME, lockFileName) ?? resolve(besideConfig(context), lockFileName);
  assertWritable(path, cwd, "--lock");
  const kept = new Map<string, LockedServer>();
  return {
    file: path,
    keepSnapshot: (server, snapshot) => kept.set(server.name, snapshot),
    write() {
      if (kept.size === 0) return log.warn(`${path} was left as it is: no server could be looked at`);
      updateLock(path, kept);
      log.info(`wrote ${[...kept.keys()].join(", ")} into ${path}`);
    },
  };
}

function besideConfig({ cwd, env, configFile }: CommandContext): string {
  const config = configFile === undefined ? findConfigUpwards(cwd, env.HOME) : resolve(cwd, configFile);
  return config === undefined ? cwd : dirname(config);
}
