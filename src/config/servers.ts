import { TsmcpError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { ServerConfig } from "./config.ts";
import type { LoadedConfig } from "./load.ts";
import { isLoopback, isServerName, type Server, serverFromSides, serverFromUrl } from "./server.ts";

/** A server, what is expected of it, and where it was named. */
export interface ConfiguredServer extends Server, Pick<ServerConfig, "expect" | "probe"> {
  /** `FILE:LINE:COLUMN`, or the option. */
  readonly origin: string;
  /** False where a file that comes with a repository named it. */
  readonly trusted: boolean;
}

/** Returns the servers of the configuration by name; where two files name one, the stronger file's counts. */
export function serversOf(loaded: LoadedConfig): ReadonlyMap<string, ConfiguredServer> {
  const servers = new Map<string, ConfiguredServer>();
  for (const source of loaded.sources) {
    for (const [name, entry] of Object.entries(source.config.servers ?? {})) {
      if (servers.has(name)) continue;
      const origin = `${source.path}:${source.placeOfKey(`servers.${name}`)}`;
      const { expect, probe } = entry;
      servers.set(name, {
        ...serverFromSides(name, entry, origin),
        ...(expect === undefined ? {} : { expect }),
        ...(probe === undefined ? {} : { probe }),
        origin,
        trusted: source.trusted,
      });
    }
  }
  return servers;
}

/**
 * Returns the server that a word on the command line means: a configured name, or a URL.
 * Throws `server-unknown` with the nearest name, and `usage-invalid` for a bad URL.
 */
export function findServer(word: string, servers: ReadonlyMap<string, ConfiguredServer>): ConfiguredServer {
  const known = servers.get(word);
  if (known !== undefined) return known;
  if (word.includes("://")) return { ...serverFromUrl(word, "URL"), origin: "command line", trusted: true };
  const names = [...servers.keys()];
  const guess = nearest(word, names);
  throw new TsmcpError({
    code: "server-unknown",
    message: `no server is named ${JSON.stringify(word)}`,
    hint: unknownHint(guess, names, word),
    facts: { servers: names },
  });
}

/**
 * Throws `server-foreign` when a server is not in the tailnet of `suffix` (`tailnet.ts.net`): a name elsewhere must get
 * no entry and no request. One on this machine is allowed where the user, not a repository, named it.
 */
export function assertOwnServers(servers: readonly ConfiguredServer[], suffix: string): void {
  const foreign = servers.filter((server) => !isOwnServer(server, suffix));
  const [first] = foreign;
  if (first === undefined) return;
  const told = foreign.map(({ name, tailnetUrl, origin }) => `${name} (${tailnetUrl}, from ${origin})`).join(", ");
  throw new TsmcpError({
    code: "server-foreign",
    message: `not in this node's tailnet ${JSON.stringify(suffix)}: ${told}`,
    hint: `name a host that ends in .${suffix}, or join the tailnet that the server is in`,
    facts: { suffix, servers: foreign.map(({ name }) => name), origin: first.origin },
  });
}

function isOwnServer(server: ConfiguredServer, suffix: string): boolean {
  const ending = `.${suffix.toLowerCase().replace(/\.$/, "")}`;
  // Only the user may say that the public side of a server has a name of its own.
  return [...server.tailnetUrls, ...(server.trusted ? [] : (server.publicUrls ?? []))].every((url) => {
    const { hostname } = new URL(url);
    return (ending !== "." && hostname.endsWith(ending)) || (server.trusted && isLoopback(hostname));
  });
}

function unknownHint(guess: string | undefined, names: readonly string[], word: string): string {
  if (guess !== undefined) return `did you mean ${JSON.stringify(guess)}?`;
  if (names.length > 0) return `name one of ${names.map((name) => JSON.stringify(name)).join(", ")}, or give its URL`;
  return isServerName(word) ? "no servers are configured: give the URL itself" : "give the server's whole URL";
}
