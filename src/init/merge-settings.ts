import { isDeepStrictEqual } from "node:util";
import type { Node } from "jsonc-parser";
import { isSameData } from "../agents/merge.ts";
import { applySplice, insertProperty, type Splice } from "../agents/splice.ts";
import { formatValue, indentBefore, indentOfLine, styleOf } from "../agents/text-style.ts";
import { dataOf, parseJsonc, propertiesOf, type TextDefect } from "../config/jsonc.ts";
import type { JsonObject, JsonValue } from "../core/record.ts";
import type { Setting } from "./output.ts";

export type MergedSettings =
  | { readonly status: "ok"; readonly text: string }
  | { readonly status: "invalid"; readonly defects: readonly TextDefect[] }
  /** Somebody's own value stands in the place of `setting`. */
  | { readonly status: "taken"; readonly setting: Setting };

/** Returns the text with the settings in it; comments, order and what else is there stay. A blank text is an empty one. */
export function mergeSettings(text: string, settings: readonly Setting[], force: boolean): MergedSettings {
  if (text.trim() === "") return { status: "ok", text: wholeText(settings) };
  let at = text;
  for (const setting of settings) {
    const parsed = parseJsonc(at);
    if (parsed.status === "invalid") return parsed;
    const { root } = parsed;
    if (root.type !== "object") return invalid("expected an object");
    const data = dataOf(root);
    const planned = planSetting(data, setting, force);
    if (planned === "kept") continue;
    if (planned === "taken") return { status: "taken", setting };
    at = applySplice(at, spliceFor(at, root, planned));
    if (!holds(at, data, planned)) return invalid(`${setting.path.join(".")} cannot be put in here`);
  }
  return { status: "ok", text: at };
}

function wholeText(settings: readonly Setting[]): string {
  const data = settings.reduce<JsonValue>((whole, setting) => {
    const planned = planSetting(whole, setting, false);
    return typeof planned === "string" ? whole : withValue(whole, planned.path, planned.value);
  }, {});
  return `${JSON.stringify(data, null, 2)}\n`;
}

interface Edit {
  readonly path: readonly (string | number)[];
  readonly value: JsonValue;
  readonly insert: boolean;
}

/** Returns the change at the deepest value that is there on the way to the setting. */
function spliceFor(text: string, root: Node, { path, value, insert }: Edit): Splice {
  const style = styleOf(text, root);
  let at = root;
  for (const [depth, key] of path.entries()) {
    if (at.type === "array") break;
    const next = propertiesOf(at).find((property) => property.key === key)?.value;
    if (next === undefined) {
      const inner = path.slice(depth + 1).reduceRight<JsonValue>((nested, name) => ({ [name]: nested }), value);
      return insertProperty(text, root, at, { key: String(key), value: inner });
    }
    at = next;
  }
  if (!insert) {
    const inserted = formatValue(value, style, indentOfLine(text, at.offset));
    return { offset: at.offset, replaced: text.slice(at.offset, at.offset + at.length), inserted };
  }
  const last = at.children?.at(-1);
  if (last === undefined) {
    return { offset: at.offset + 1, replaced: "", inserted: formatValue(value, style, undefined) };
  }
  const indent = indentBefore(text, last.offset);
  const separator = indent === undefined ? " " : style.eol + indent;
  return {
    offset: last.offset + last.length,
    replaced: "",
    inserted: `,${separator}${formatValue(value, style, indent)}`,
  };
}

function planSetting(data: unknown, { path, value, mode }: Setting, force: boolean): Edit | "kept" | "taken" {
  const found = lookUp(data, path);
  if (found.kind === "blocked") return "taken";
  if (found.kind === "absent") return { path, value: mode === "append" ? [value] : value, insert: false };
  if (mode === "append") {
    if (!Array.isArray(found.value)) return "taken";
    if (found.value.some((item) => isSameData(item, value))) return "kept";
    return { path: [...path, found.value.length], value, insert: true };
  }
  if (mode === "default" || isSameData(found.value, value) || includesText(found.value, value)) return "kept";
  return force ? { path, value, insert: false } : "taken";
}

/** A command of somebody's own that runs ours too is what we ask for. */
function includesText(found: unknown, value: JsonValue): boolean {
  return typeof found === "string" && typeof value === "string" && found.includes(value);
}

type Found =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "absent" }
  /** Something that is no object stands where the path goes on. */
  | { readonly kind: "blocked" };

function lookUp(data: unknown, path: readonly string[]): Found {
  let at = data;
  for (const key of path) {
    if (typeof at !== "object" || at === null || Array.isArray(at)) return { kind: "blocked" };
    if (!Object.hasOwn(at, key)) return { kind: "absent" };
    at = Reflect.get(at, key);
  }
  return { kind: "value", value: at };
}

/** An edit of a text is believed only when it reads as it should, and everything else as before. */
function holds(text: string, before: unknown, { path, value }: Edit): boolean {
  const parsed = parseJsonc(text);
  if (parsed.status === "invalid") return false;
  return isDeepStrictEqual(plain(dataOf(parsed.root)), withValue(plain(before), path, value));
}

function withValue(data: JsonValue, [key, ...rest]: readonly (string | number)[], value: JsonValue): JsonValue {
  if (key === undefined) return value;
  if (Array.isArray(data)) return [...data, value];
  const object = isObject(data) ? data : {};
  return { ...object, [key]: withValue(object[key] ?? {}, rest, value) };
}

function isObject(data: JsonValue): data is JsonObject {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

function plain(data: unknown): JsonValue {
  return JSON.parse(JSON.stringify(data));
}

function invalid(message: string): MergedSettings {
  return { status: "invalid", defects: [{ offset: 0, message }] };
}
