import { isSameServerUrl } from "../config/server.ts";
import { newestLegacyVersion } from "../mcp/era.ts";
import type { JsonObject } from "../mcp/json.ts";

/** What is known of a server before it answers. */
export interface KnownServer {
  readonly source: "cache" | "lock";
  /** When it was said, in milliseconds since 1970; undefined where nobody noted it. */
  readonly savedAt: number | undefined;
  /** The results of the openings it answered, by method: `initialize`, `server/discover`. */
  readonly openings: Readonly<Record<string, JsonObject>>;
  /** Whole lists, by method. */
  readonly lists: Readonly<Record<string, JsonObject>>;
  /** True when the server was seen to know no `server/discover`, and that not long ago. */
  readonly isLegacyOnly: boolean;
}

/** Returns what `tsmcp.lock.json` holds of the server at one of `urls`, or undefined, or why it cannot be read. */
export async function knownFromLock(
  path: string,
  urls: readonly string[],
): Promise<KnownServer | { readonly defect: string } | undefined> {
  const { readLock } = await import("../config/lock.ts");
  const read = readLock(path);
  if (read.status === "missing") return undefined;
  if (read.status === "invalid") return { defect: `${JSON.stringify(path)} ${read.reason}` };
  const found = Object.values(read.lock.servers).find(({ url }) => urls.some((one) => isSamePlace(one, url)));
  if (found === undefined) return undefined;
  const { protocolVersion, serverInfo, capabilities, instructions, tools } = found;
  const told = { capabilities, serverInfo, ...(instructions === undefined ? {} : { instructions }) };
  const isModern = protocolVersion > newestLegacyVersion;
  const openings: Record<string, JsonObject> = isModern
    ? { "server/discover": { supportedVersions: [protocolVersion], ...told } }
    : { initialize: { protocolVersion, ...told } };
  return { source: "lock", savedAt: undefined, openings, lists: { "tools/list": { tools } }, isLegacyOnly: !isModern };
}

/** A URL without a path is written without its slash in some places. */
function isSamePlace(one: string, other: string): boolean {
  return isSameServerUrl(one, other) || isSameServerUrl(one, `${other.replace(/\/$/, "")}/mcp`);
}
