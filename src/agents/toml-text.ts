import type { JsonObject, JsonValue } from "../core/record.ts";

/** Where an entry stands in a TOML text. `lead` takes the blank line before it too. */
export interface TomlSpan {
  readonly lead: number;
  readonly start: number;
  readonly end: number;
}

interface TomlEntry {
  readonly holderKey: string;
  readonly name: string;
  readonly value: JsonObject;
}

/** Returns the entry as a table of its own, each line ended. */
export function entryLines({ holderKey, name, value }: TomlEntry, eol: string): string {
  const pairs = Object.entries(value).map(([key, item]) => `${tomlKey(key)} = ${tomlValue(item)}`);
  return [`[${tomlKey(holderKey)}.${tomlKey(name)}]`, ...pairs].map((line) => line + eol).join("");
}

/** Returns `name = { … }`. */
export function inlineEntry({ name, value }: TomlEntry): string {
  return `${tomlKey(name)} = ${tomlValue(value)}`;
}

export function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlValue(key);
}

/**
 * Returns where the lines of the entry could be. What looks like a table may stand within a string of several lines, so
 * that the caller has to look at what an edit comes to.
 */
export function tableSpans(text: string, holderKey: string, name: string): readonly TomlSpan[] {
  const lines = [...text.matchAll(/[^\n]*(?:\n|$)/g)].map(({ 0: line, index }) => ({ line, index }));
  const header = new RegExp(`^\\s*\\[\\s*${keyPattern(holderKey)}\\s*\\.\\s*${keyPattern(name)}\\s*\\]`);
  return lines.flatMap(({ line, index }, at) => {
    if (!header.test(line)) return [];
    const next = lines.findIndex((one, other) => other > at && /^\s*\[/.test(one.line));
    const body = lines.slice(at, next === -1 ? undefined : next);
    // Blank lines and comments before the next table belong to that.
    const last = body.findLast((one) => !/^\s*(#.*)?$/.test(one.line.trimEnd())) ?? { line, index };
    const before = lines[at - 1];
    const lead = before !== undefined && before.line.trim() === "" ? before.index : index;
    return [{ lead, start: index, end: last.index + last.line.length }];
  });
}

function keyPattern(key: string): string {
  const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const quoted = [literal(JSON.stringify(key)), literal(`'${key}'`)];
  return `(?:${[...(tomlKey(key) === key ? [literal(key)] : []), ...quoted].join("|")})`;
}

/** A string of JSON is a basic string of TOML (https://toml.io/en/v1.0.0#string), but for DEL. */
function tomlValue(value: JsonValue): string {
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => tomlValue(item)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${tomlKey(key)} = ${tomlValue(item ?? null)}`);
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  return String(value);
}
