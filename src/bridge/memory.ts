import { findConfigUpwards } from "../config/find.ts";
import { lockFileName } from "../config/lock.ts";
import type { Log } from "../core/log.ts";
import { type Environment, homeDirectory } from "../core/runtime-directory.ts";
import type { JsonObject } from "../mcp/json.ts";
import { type Cache, createCache } from "./cache.ts";
import { type KnownServer, knownFromLock } from "./known-server.ts";

/** What is known of the server from before, and what is learned for the next time. */
export interface Memory extends Omit<Cache, "read"> {
  /** The cache, else the lock; read when somebody first asks. */
  recall(): Promise<KnownServer | undefined>;
}

export function createMemory(options: {
  readonly urls: readonly [string, ...string[]];
  readonly headers: readonly string[];
  /** `--lock`; else `tsmcp.lock.json` is looked for upwards from `cwd`. */
  readonly lockFile: string | undefined;
  readonly cwd: string | undefined;
  readonly env: Environment;
  readonly log: Log;
}): Memory {
  const { urls, log, env } = options;
  const cache = createCache({ url: urls[0], credentials: options.headers, env });
  let recalled: Promise<KnownServer | undefined> | undefined;
  const recall = async (): Promise<KnownServer | undefined> => {
    const cached = await cache.read();
    if (cached !== undefined && Object.keys(cached.openings).length > 0) return cached;
    const path = options.lockFile ?? (options.cwd && findConfigUpwards(options.cwd, homeDirectory(env), lockFileName));
    const locked = path === undefined || path === "" ? undefined : await knownFromLock(path, urls);
    if (locked === undefined || !("defect" in locked)) return locked ?? cached;
    log.warn(locked.defect);
    return cached;
  };
  return {
    recall: () => (recalled ??= recall()),
    note: (part: "openings" | "lists", method: string, result: JsonObject) => cache.note(part, method, result),
    noteLegacyOnly: () => cache.noteLegacyOnly(),
    flush: () => cache.flush(),
  };
}
