import { isDeepStrictEqual } from "node:util";
import { parse, TomlError } from "smol-toml";
import type { TextDefect } from "../config/jsonc.ts";
import { TsmcpError } from "../core/errors.ts";
import type { JsonObject } from "../core/record.ts";
import { type EntryRecord, isSameData } from "./merge.ts";
import { applySplice, type Splice } from "./splice.ts";
import { entryLines, inlineEntry, tableSpans, tomlKey } from "./toml-text.ts";

/** A TOML text whose table `holderKey` holds entries, read. */
export interface TomlText {
  readonly text: string;
  readonly data: TomlTable;
  readonly entries: ReadonlyMap<string, unknown>;
}

export type TomlTextResult =
  | { readonly status: "ok"; readonly document: TomlText }
  | { readonly status: "invalid"; readonly defects: readonly TextDefect[] };

type TomlTable = Readonly<Record<string, unknown>>;

/** smol-toml only reads: what is written is spliced into the text, and believed only when the result reads as it should. */
export function readTomlEntries(text: string, holderKey: string): TomlTextResult {
  const parsed = parseToml(text);
  if (parsed.status === "invalid") return parsed;
  const holder = parsed.data[holderKey];
  if (holder !== undefined && !isTable(holder)) {
    return { status: "invalid", defects: [{ offset: 0, message: `${holderKey}: expected a table` }] };
  }
  return { status: "ok", document: { text, data: parsed.data, entries: new Map(Object.entries(holder ?? {})) } };
}

/** Returns the text with the entry put last, or in the place of the one it mends. Throws `agent-config-invalid`. */
export function addTomlEntry(
  { text, data, entries }: TomlText,
  { holderKey, name, value }: { holderKey: string; name: string; value: JsonObject },
): { readonly text: string; readonly record: EntryRecord } {
  const previous = entries.get(name);
  const wanted = withEntry(data, holderKey, name, value);
  const candidates =
    previous === undefined
      ? insertions(text, { holderKey, name, value })
      : tableSpans(text, holderKey, name).map((span) => replacement(text, span, { holderKey, name, value }));
  const splice = candidates.find((candidate) => readsAs(applySplice(text, candidate), wanted));
  if (splice === undefined) throw unspliceable(holderKey, name);
  const record = {
    ...{ name, value, inserted: splice.inserted, replaced: splice.replaced, keyOffset: 0, container: false },
    previous: previous === undefined ? null : JSON.parse(JSON.stringify(previous, plainNumber)),
  };
  return { text: applySplice(text, splice), record };
}

/** Returns the text without the entry, byte for byte as it was where nothing around it has changed since. */
export function removeTomlEntry(
  { text, data, entries }: TomlText,
  { holderKey, record }: { holderKey: string; record: EntryRecord },
): { readonly status: "removed"; readonly text: string } | { readonly status: "absent" | "changed" } {
  const current = entries.get(record.name);
  if (current === undefined) return { status: "absent" };
  if (!isTable(current) || !isSameData(current, record.value)) return { status: "changed" };
  const wanted = withEntry(data, holderKey, record.name, record.previous ?? undefined);
  const offset = text.lastIndexOf(record.inserted);
  const undo = { offset, replaced: record.inserted, inserted: record.replaced };
  const spans = record.previous === null ? tableSpans(text, holderKey, record.name) : [];
  const cuts = spans.map(({ lead, end }) => ({ offset: lead, replaced: text.slice(lead, end), inserted: "" }));
  const splice = [...(offset === -1 ? [] : [undo]), ...cuts].find((candidate) =>
    readsAs(applySplice(text, candidate), wanted),
  );
  return splice === undefined ? { status: "changed" } : { status: "removed", text: applySplice(text, splice) };
}

/** A table at the end is how people write it; where that is not allowed, the other forms TOML has for the same. */
function insertions(text: string, entry: { holderKey: string; name: string; value: JsonObject }): readonly Splice[] {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text.trim() === "" ? "" : text.endsWith("\n") ? eol : eol + eol;
  const atEnd = { offset: text.length, replaced: "", inserted: gap + entryLines(entry, eol) };
  const dotted = `${tomlKey(entry.holderKey)}.${inlineEntry(entry)}${eol}`;
  const atStart = { offset: 0, replaced: "", inserted: dotted };
  // `mcp_servers = { … }` takes no tables from outside: every closing brace may be its own.
  const braces = [...text.matchAll(/\s*\}/g)].flatMap(({ index }) =>
    [", ", " "].map((comma) => ({ offset: index, replaced: "", inserted: `${comma}${inlineEntry(entry)}` })),
  );
  return [atEnd, atStart, ...braces.reverse()];
}

function replacement(
  text: string,
  { start, end }: { start: number; end: number },
  entry: { holderKey: string; name: string; value: JsonObject },
): Splice {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const replaced = text.slice(start, end);
  const lines = entryLines(entry, eol);
  return { offset: start, replaced, inserted: replaced.endsWith("\n") ? lines : lines.slice(0, -eol.length) };
}

function withEntry(data: TomlTable, holderKey: string, name: string, value: unknown): TomlTable {
  const { [name]: _, ...others } = isTable(data[holderKey]) ? data[holderKey] : {};
  return { ...data, [holderKey]: value === undefined ? others : { ...others, [name]: value } };
}

/** A table without entries and none at all are the same to the agent. */
function readsAs(text: string, wanted: TomlTable): boolean {
  const parsed = parseToml(text);
  if (parsed.status === "invalid") return false;
  const comparable = (table: TomlTable): unknown =>
    Object.fromEntries(
      Object.entries(table).flatMap(([key, value]) => {
        const isEmpty = isTable(value) && Object.keys(value).length === 0;
        return isEmpty ? [] : [[key, structuredClone(plainTables(value))]];
      }),
    );
  return isDeepStrictEqual(comparable(parsed.data), comparable(wanted));
}

/** A strict comparison would tell tables without a prototype from others, and one order of keys from another. */
function plainTables(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainTables);
  if (value instanceof Date) return value.toISOString();
  if (!isTable(value)) return value;
  const pairs = Object.entries(value).map(([key, item]): [string, unknown] => [key, plainTables(item)]);
  return pairs.sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Returns the data of a TOML text, or where it is none. */
export function parseToml(
  text: string,
):
  | { readonly status: "ok"; readonly data: TomlTable }
  | { readonly status: "invalid"; readonly defects: readonly TextDefect[] } {
  try {
    return { status: "ok", data: parse(text, { integersAsBigInt: "asNeeded", maxDepth: 100 }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const before = text.split("\n").slice(0, error.line - 1);
    const offset = before.reduce((sum, line) => sum + line.length + 1, 0) + error.column - 1;
    const [, message = "not TOML"] = /^Invalid TOML document: (.*)/.exec(error.message) ?? [];
    return { status: "invalid", defects: [{ offset, message }] };
  }
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function plainNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

function unspliceable(holderKey: string, name: string): TsmcpError {
  return new TsmcpError({
    code: "agent-config-invalid",
    message: `${holderKey} is written in a way that ${JSON.stringify(name)} cannot be put into without changing more`,
    hint: `write its entries as tables, [${holderKey}.NAME], then run this again; nothing was touched`,
  });
}
