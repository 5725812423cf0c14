import { isObject } from "../core/json-object.ts";
import { version } from "../core/version.ts";
import { isModernVersion, legacyVersions, newestLegacyVersion } from "../mcp/era.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";
import type { KnownServer } from "./known-server.ts";
import { ownTools } from "./own-tools.ts";

/** Which lists there are, the key of each, and the capability it comes with. */
export const lists: Readonly<Record<string, { readonly key: string; readonly capability: string }>> = {
  "tools/list": { key: "tools", capability: "tools" },
  "prompts/list": { key: "prompts", capability: "prompts" },
  "resources/list": { key: "resources", capability: "resources" },
  "resources/templates/list": { key: "resourceTemplates", capability: "resources" },
};

/** Told to modern agents of everything that may be out of date or depends on who asks. */
const uncached: JsonObject = { ttlMs: 0, cacheScope: "private" };

/**
 * Returns the answer to `initialize` that the bridge gives before the server does: what is known of the server, or what
 * the bridge itself can keep. It promises nothing that only the server could.
 */
export function earlyInitialize(params: JsonObject | undefined, known: KnownServer | undefined): JsonObject {
  const asked = stringAt(params, "protocolVersion") ?? "";
  const own = legacyVersions.includes(asked) ? asked : newestLegacyVersion;
  const told = known?.openings.initialize ?? known?.openings["server/discover"];
  if (told === undefined) {
    const capabilities = {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true },
      logging: {},
    };
    return { protocolVersion: own, capabilities, serverInfo: { name: "tsmcp", version } };
  }
  const last = stringAt(told, "protocolVersion") ?? own;
  const instructions = stringAt(told, "instructions");
  return {
    protocolVersion: olderOf(last, own),
    capabilities: keptByUs(objectAt(told, "capabilities") ?? {}),
    serverInfo: objectAt(told, "serverInfo") ?? { name: "tsmcp", version },
    ...(instructions === undefined ? {} : { instructions }),
  };
}

/** Versions are dates. */
function olderOf(one: string, other: string): string {
  return [one, other].sort()[0] ?? one;
}

/** The bridge tells of changes itself, and has tools of its own. */
function keptByUs(capabilities: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {
    ...capabilities,
    tools: { ...objectAt(capabilities, "tools"), listChanged: true },
  };
  for (const name of ["prompts", "resources"]) {
    if (isObject(kept[name])) kept[name] = { ...kept[name], listChanged: true };
  }
  return kept;
}

/** Returns the answer to `server/discover`, or undefined where the agent had better fall back to `initialize`. */
export function earlyDiscover(known: KnownServer | undefined): JsonObject | undefined {
  const told = known?.openings["server/discover"];
  if (told === undefined) return undefined;
  const supported = Array.isArray(told.supportedVersions) ? told.supportedVersions : [];
  if (!supported.some((one) => typeof one === "string" && isModernVersion(one))) return undefined;
  return { resultType: "complete", ...told, capabilities: keptByUs(objectAt(told, "capabilities") ?? {}), ...uncached };
}

/** Returns the answer to a list that the server has not given yet, in the era of the agent. */
export function earlyList(method: string, known: KnownServer | undefined, isModern: boolean): JsonObject {
  const key = lists[method]?.key ?? "items";
  const told = known?.lists[method]?.[key];
  const items: readonly unknown[] = Array.isArray(told) ? told : [];
  const all = method === "tools/list" ? [...items, ...ownTools] : items;
  return { ...(isModern ? { resultType: "complete" } : {}), [key]: all, ...(isModern ? uncached : {}) };
}

/** What the server turned out to be, beside what the agent was told early. */
export interface Difference {
  /** Where going on would be wrong: the server speaks a newer version than the agent was told. */
  readonly versionError: string | undefined;
  /** Lists that were promised and that the server does not have. */
  readonly emptyLists: readonly string[];
  /** Capabilities that the agent was not told of. */
  readonly undeclared: readonly string[];
}

export function compareWithTruth(early: JsonObject, truth: JsonObject): Difference {
  const [told = "", found = ""] = [early, truth].map((one) => stringAt(one, "protocolVersion"));
  const promised = objectAt(early, "capabilities") ?? {};
  const present = objectAt(truth, "capabilities") ?? {};
  const isAbsent = ({ capability }: { capability: string }): boolean =>
    isObject(promised[capability]) && !isObject(present[capability]);
  return {
    versionError:
      found > told
        ? `the agent was told MCP ${told} before the server could be reached, and the server speaks ${found}`
        : undefined,
    emptyLists: Object.entries(lists).flatMap(([method, list]) => (isAbsent(list) ? [method] : [])),
    undeclared: Object.keys(present).filter((name) => !(name in promised)),
  };
}
