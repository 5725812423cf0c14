import type { Node } from "jsonc-parser";
import type { Defect } from "../core/validation.ts";
import { defectsOf } from "../core/validation.ts";
import schema from "./config.schema.json" with { type: "json" };
import { validate } from "./config.schema.json?validator";
import type { Config } from "./config.ts";
import { dataOf, duplicateKeys, parseJsonc, placeOf, propertiesOf } from "./jsonc.ts";
import { suggestionFor } from "./known-keys.ts";
import { readServerUrl } from "./server.ts";

/** An agent starts a process for each; and each is written into its file one after the other. */
const maxServers = 100;

/** `place` is `LINE:COLUMN`; `path` is empty where the text itself is at fault. */
export interface PlacedDefect extends Defect {
  readonly place: string;
}

export type ConfigText =
  | { readonly status: "ok"; readonly config: Config; readonly placeOfKey: (path: string) => string }
  | { readonly status: "invalid"; readonly defects: readonly PlacedDefect[]; readonly untrusted: boolean };

/**
 * Returns the configuration that `text` spells, or every defect at once, in the order of the text. With `trusted: false`
 * keys that a file from a repository may not set are defects too, and make the result `untrusted`.
 */
export function parseConfig(text: string, { trusted }: { trusted: boolean }): ConfigText {
  const parsed = parseJsonc(text);
  if (parsed.status === "invalid") {
    const defects = parsed.defects.map(({ offset, message }) => ({ path: "", message, place: placeOf(text, offset) }));
    return { status: "invalid", defects, untrusted: false };
  }
  const { root } = parsed;
  const value = dataOf(root);
  const placeOfKey = (path: string): string => placeOf(text, offsetOf(root, path));
  const forbidden = trusted ? [] : untrustedDefects(root);
  const found = [...forbidden, ...schemaDefects(value), ...meaningDefects(root)].map((defect) => ({
    ...defect,
    offset: offsetOf(root, defect.path),
  }));
  const twice = duplicateKeys(root).map((defect) => ({ ...defect, path: "" }));
  const all = [...found, ...twice].sort((left, right) => left.offset - right.offset);
  if (all.length === 0) return { status: "ok", config: value as Config, placeOfKey };
  const defects = all.map(({ path, message, offset }) => ({ path, message, place: placeOf(text, offset) }));
  return { status: "invalid", defects, untrusted: forbidden.length > 0 };
}

/** CONTRACT "Configuration": all that a file found upwards may set. */
function untrustedDefects(root: Node): Defect[] {
  const message = "a file that comes with a repository may not set this";
  return propertiesOf(root).flatMap(({ key, value }) => {
    if (["$schema", "servers", "agents"].includes(key) || !(key in schema.properties)) return [];
    if (key !== "tailscale" || value.type !== "object") return [{ path: key, message }];
    const inner = propertiesOf(value).filter((property) => property.key !== "hostname");
    return inner.map((property) => ({ path: `tailscale.${property.key}`, message }));
  });
}

function schemaDefects(value: unknown): Defect[] {
  return defectsOf(validate, value).map((defect) =>
    defect.message === "unknown key" ? { ...defect, message: `unknown key${suggestionFor(defect.path)}` } : defect,
  );
}

/** What a schema cannot say. Wrong types are the schema's to tell. */
function meaningDefects(root: Node): Defect[] {
  return propertiesOf(root).flatMap(({ key, value }) => {
    if (key === "servers") return serversDefects(propertiesOf(value));
    if (key !== "gateway") return [];
    const upstreams = propertiesOf(value).find((property) => property.key === "upstreams");
    return upstreams === undefined
      ? []
      : propertiesOf(upstreams.value).flatMap((upstream) => upstreamDefects(upstream.key, upstream.value));
  });
}

function serversDefects(servers: ReturnType<typeof propertiesOf>): Defect[] {
  if (servers.length <= maxServers) return servers.flatMap(({ key, value }) => serverDefects(key, value));
  return [{ path: "servers", message: `expected at most ${maxServers} servers, found ${servers.length}` }];
}

function serverDefects(name: string, node: Node): Defect[] {
  if (node.type !== "object") return [];
  const path = `servers.${name}`;
  const urls = propertiesOf(node).filter(({ key }) => key === "tailnetUrl" || key === "publicUrl");
  const bad = urls.flatMap(({ key, value }) => {
    const result = typeof value.value === "string" ? readServerUrl(value.value) : undefined;
    return result?.status === "invalid" ? [{ path: `${path}.${key}`, message: `expected ${result.expected}` }] : [];
  });
  const hasOne = urls.some(({ value }) => value.type !== "null");
  return hasOne ? bad : [...bad, { path, message: "expected tailnetUrl, publicUrl or both" }];
}

function upstreamDefects(name: string, node: Node): Defect[] {
  if (node.type !== "object") return [];
  const kinds = propertiesOf(node).filter(({ key }) => ["command", "url", "builtin"].includes(key));
  return kinds.length === 1
    ? []
    : [{ path: `gateway.upstreams.${name}`, message: "expected exactly one of command, url and builtin" }];
}

function offsetOf(root: Node, path: string): number {
  return nodeAt(root, path)?.offset ?? root.offset;
}

/** Finds the key that `path` names. A key may hold dots itself, so the path is matched key by key, not split. */
function nodeAt(node: Node, path: string): Node | undefined {
  if (node.type === "array") {
    const [index = "", ...rest] = path.split(".");
    const item = node.children?.[Number(index)];
    return item === undefined || rest.length === 0 ? item : (nodeAt(item, rest.join(".")) ?? item);
  }
  for (const { key, keyNode, value } of propertiesOf(node)) {
    if (path === key) return keyNode;
    if (path.startsWith(`${key}.`)) return nodeAt(value, path.slice(key.length + 1)) ?? keyNode;
  }
  return undefined;
}
