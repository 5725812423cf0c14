import { isObject } from "../core/json-object.ts";
import { readTextFile } from "./text-file.ts";

export const lockFileName = "tsmcp.lock.json";

/**
 * `tsmcp.lock.json`: what each server said when somebody looked at it and committed it. `doctor --update-lock` writes it,
 * `doctor` compares, and the bridge answers from it until the network is there.
 */
export interface Lock {
  readonly version: 1;
  readonly servers: Readonly<Record<string, LockedServer>>;
}

export interface LockedServer {
  /** The tailnet side, as `tailnetUrl` in the configuration. */
  readonly url: string;
  readonly protocolVersion: string;
  readonly serverInfo: Readonly<Record<string, unknown>>;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly instructions?: string;
  /** Whole definitions, as `tools/list` gives them. */
  readonly tools: readonly Readonly<Record<string, unknown>>[];
}

export type LockResult =
  | { readonly status: "ok"; readonly lock: Lock }
  | { readonly status: "missing" }
  | { readonly status: "invalid"; readonly reason: string };

/** A thousand tools with their schemas are a few megabytes. */
const maxLockBytes = 32 * 1024 * 1024;

/** Returns the lock at `path`. */
export function readLock(path: string): LockResult {
  const file = readTextFile(path, maxLockBytes);
  return file.status === "ok" ? parseLock(file.text) : file;
}

/** Returns the lock that a text is. Fields that are not known are left out: a newer tsmcp may have written them. */
export function parseLock(text: string): LockResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid("is not JSON");
  }
  if (!isObject(value) || value.version !== 1) return invalid('has no "version": 1');
  if (!isObject(value.servers)) return invalid('has no object "servers"');
  const servers: Record<string, LockedServer> = {};
  for (const [name, entry] of Object.entries(value.servers)) {
    const server = toServer(entry);
    if (server === undefined) {
      return invalid(`servers.${name} has no url, protocolVersion, serverInfo, capabilities and tools with names`);
    }
    servers[name] = server;
  }
  return { status: "ok", lock: { version: 1, servers } };
}

function toServer(entry: unknown): LockedServer | undefined {
  if (!isObject(entry)) return undefined;
  const { url, protocolVersion, serverInfo, capabilities, instructions, tools } = entry;
  if (typeof url !== "string" || typeof protocolVersion !== "string") return undefined;
  if (!isObject(serverInfo) || !isObject(capabilities) || !Array.isArray(tools)) return undefined;
  const definitions = tools.filter(isObject).filter(({ name }) => typeof name === "string");
  if (definitions.length !== tools.length) return undefined;
  return {
    url,
    protocolVersion,
    serverInfo,
    capabilities,
    ...(typeof instructions === "string" ? { instructions } : {}),
    tools: definitions,
  };
}

function invalid(reason: string): LockResult {
  return { status: "invalid", reason };
}
