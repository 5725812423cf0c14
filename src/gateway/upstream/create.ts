import type { UpstreamConfig } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import type { ExactNumbers } from "../exact-numbers.ts";
import { configuredEnvironment, configuredHeaders, configuredUser, type Entry, invalid } from "./configured.ts";
import { configuredSecrets } from "./configured-secrets.ts";
import { configuredEnclosure, type Enclosure } from "./enclosure.ts";
import { createHttpUpstream } from "./http/http-upstream.ts";
import { createStdioUpstream } from "./stdio/stdio-upstream.ts";
import type { Upstream } from "./upstream.ts";
import { createWhoami } from "./whoami.ts";

/** What upstreams share: where they log, the variables that `tokenEnv` may name, and the tailnet's proxy. */
export interface UpstreamWorld {
  readonly log: Log;
  readonly env: Environment;
  readonly cwd: string;
  /** `http://` or `socks5://`, for names in the tailnet; undefined: dial directly. */
  readonly proxy: string | undefined;
  /** Brings what servers say in numbers of theirs to callers; without it they are JavaScript's. */
  readonly numbers?: ExactNumbers | undefined;
  /** How programs of our own user are kept away from our sockets and keys. */
  readonly enclosure?: Enclosure | undefined;
}

/** Makes the upstream that one entry of the configuration describes; it starts with the first call. */
export type CreateUpstream = (name: string, config: UpstreamConfig, world: UpstreamWorld) => Upstream;

/** A package that `npx` fetches first takes a while. */
const openTimeoutMs = 60_000;

/** The longest that a call may take without a word; progress counts as one. */
const silenceMs = 10 * 60_000;

/** Of the way to a server over HTTP. */
const connectTimeoutMs = 8_000;
const limits = { openingMs: 30_000, answerMs: silenceMs, briefMs: 30_000 };

/** Of `pool` the number of children, of `session` the most, unless it is configured. */
const maxChildren = { shared: 1, pool: 4, session: 64 };

/** A child of one session that nobody uses costs tens of megabytes. */
const idleMs = 30 * 60_000;

/** Throws `config-invalid` for an entry that is not one of `command`, `url` and `builtin`, and for an unset variable. */
export const createUpstream: CreateUpstream = (name, config, world) => {
  const { command, url, builtin, isolation = "shared" } = config;
  const entry: Entry = { name, config, env: world.env };
  const ways = [command, url, builtin].filter((way) => way !== undefined);
  if (ways.length !== 1 || (url !== undefined && !URL.canParse(url))) {
    throw invalid(entry, 'it has to have one of "command", "url" and "builtin"');
  }
  const tellsCaller = config.identity === "headers";
  if (url !== undefined) {
    const headers = configuredHeaders(entry);
    const secrets = configuredSecrets(entry, headers);
    const way = { url: new URL(url), headers, secrets, connectTimeoutMs };
    return createHttpUpstream({ ...world, ...way, name, tellsCaller, limits });
  }
  if (command === undefined) return createWhoami(name);
  if (config.maxChildren !== undefined && isolation === "shared") {
    throw invalid(entry, '"maxChildren" belongs to the isolation "session" or "pool": a shared server is one process');
  }
  const user = configuredUser(entry);
  return createStdioUpstream({
    name,
    program: { command, args: config.args ?? [], env: configuredEnvironment(entry, user), cwd: world.cwd, user },
    secrets: configuredSecrets(entry, []),
    enclose: configuredEnclosure(entry, user, world.enclosure),
    log: world.log,
    numbers: world.numbers,
    openTimeoutMs,
    silenceMs,
    isolation,
    tellsCaller,
    maxChildren: config.maxChildren ?? maxChildren[isolation],
    idleMs,
  });
};
