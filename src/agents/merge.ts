import { isDeepStrictEqual } from "node:util";
import { type Node, parseTree } from "jsonc-parser";
import { dataOf, duplicateKeys, parseJsonc, propertiesOf, type TextDefect } from "../config/jsonc.ts";
import type { JsonObject, JsonValue } from "../core/record.ts";
import { applySplice, insertProperty, removeProperty, type Splice } from "./splice.ts";
import { defaultStyle, formatProperty, indentBefore, styleOf } from "./text-style.ts";

/** What was done to a text for one entry, as `removeEntry` needs it to undo it byte for byte. */
export type EntryRecord = {
  readonly name: string;
  readonly value: JsonObject;
  readonly inserted: string;
  readonly replaced: string;
  /** Where in `inserted` the entry's key stands. */
  readonly keyOffset: number;
  /** Whether the object that holds the entries was made for this one. */
  readonly container: boolean;
  /** The entry that stood there before and did not run, or null. */
  readonly previous: JsonValue;
};

/** A text that holds entries, read; `entries` is undefined where it has none yet. */
export interface EntryText {
  readonly text: string;
  readonly root: Node | undefined;
  readonly holder: Node | undefined;
  readonly entries: ReadonlyMap<string, unknown>;
}

export type EntryTextResult =
  | { readonly status: "ok"; readonly document: EntryText }
  | { readonly status: "invalid"; readonly defects: readonly TextDefect[] };

/** Reads a text whose object `holderKey` holds entries. A blank text is one without entries. */
export function readEntries(text: string, holderKey: string): EntryTextResult {
  if (text.trim() === "") {
    return { status: "ok", document: { text, root: undefined, holder: undefined, entries: new Map() } };
  }
  const parsed = parseJsonc(text);
  if (parsed.status === "invalid") return parsed;
  const { root } = parsed;
  if (root.type !== "object") return invalid(root, `expected an object, found ${article(root.type)}`);
  const holders = propertiesOf(root).filter(({ key }) => key === holderKey);
  const holder = holders[0]?.value;
  if (holder !== undefined && holder.type !== "object") {
    return invalid(holder, `${holderKey}: expected an object, found ${article(holder.type)}`);
  }
  // A key that stands twice is read in one way here and in another by the agent.
  const twice = [root, ...(holder === undefined ? [] : [holder])].flatMap((node) => duplicateKeys(node, "own"));
  if (twice.length > 0) return { status: "invalid", defects: twice };
  const entries = new Map(
    holder === undefined ? [] : propertiesOf(holder).map(({ key, value }) => [key, dataOf(value)] as const),
  );
  return { status: "ok", document: { text, root, holder, entries } };
}

/** Returns the text with the entry put last, or in the place of the one it mends, and what undoes that. */
export function addEntry(
  document: EntryText,
  { holderKey, name, value }: { holderKey: string; name: string; value: JsonObject },
): { readonly text: string; readonly record: EntryRecord } {
  const { text, root, holder } = document;
  const entry = { key: name, value };
  const container = holder === undefined;
  const previous = document.entries.get(name);
  const splice =
    root === undefined
      ? wholeText(text, { key: holderKey, value: { [name]: value } })
      : holder === undefined
        ? insertProperty(text, root, root, { key: holderKey, value: { [name]: value } })
        : previous === undefined
          ? insertProperty(text, root, holder, entry)
          : replaceEntry(text, root, holder, name, value);
  const after = applySplice(text, splice);
  const keyOffset = offsetOfEntry(after, holderKey, name) - splice.offset;
  const { inserted, replaced } = splice;
  return {
    text: after,
    record: { name, value, inserted, replaced, keyOffset, container, previous: plain(previous ?? null) },
  };
}

/**
 * Returns the text without the entry, byte for byte as it was before where nothing around it has changed since.
 * `changed`: the entry is no longer what was written, so it is somebody's own now and stays.
 */
export function removeEntry(
  document: EntryText,
  { holderKey, record }: { holderKey: string; record: EntryRecord },
): { readonly status: "removed"; readonly text: string } | { readonly status: "absent" | "changed" } {
  const { text, root, holder, entries } = document;
  const current = entries.get(record.name);
  if (root === undefined || holder === undefined || current === undefined) return { status: "absent" };
  if (!isSameData(current, record.value)) return { status: "changed" };
  const without = new Map(entries);
  without.delete(record.name);
  if (record.previous !== null) without.set(record.name, record.previous);
  const candidates = [
    { after: exactUndo(document, holderKey, record), mayBeLooser: followsTrailingComma(record) },
    { after: plainRemoval(document, holderKey, record), mayBeLooser: false },
  ].flatMap(({ after, mayBeLooser }) => (after === undefined ? [] : [{ after, mayBeLooser }]));
  const sound = candidates.find((candidate) =>
    isSound({ before: text, holderKey, entries: without, ...candidate }),
  )?.after;
  return sound === undefined ? { status: "changed" } : { status: "removed", text: sound };
}

export function isSameData(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

function exactUndo({ text }: EntryText, holderKey: string, record: EntryRecord): string | undefined {
  const offset = offsetOfEntry(text, holderKey, record.name) - record.keyOffset;
  if (offset < 0 || !text.startsWith(record.inserted, offset)) return undefined;
  return applySplice(text, { offset, replaced: record.inserted, inserted: record.replaced });
}

/** The comma that stood behind the last entry was used for ours, and stands there alone again without it. */
function followsTrailingComma({ inserted, replaced }: EntryRecord): boolean {
  return replaced.includes(",") && inserted.startsWith(replaced);
}

function plainRemoval({ text, root, holder, entries }: EntryText, holderKey: string, record: EntryRecord) {
  if (root === undefined || holder === undefined) return undefined;
  if (record.previous !== null) {
    return applySplice(text, replaceEntry(text, root, holder, record.name, record.previous));
  }
  const isLast = record.container && entries.size === 1;
  const splice = isLast ? removeProperty(text, root, holderKey) : removeProperty(text, holder, record.name);
  return splice === undefined ? undefined : applySplice(text, splice);
}

/** An edit by offsets is believed only when the result reads as it should, and is no looser JSON than before, but for what was so. */
function isSound(check: {
  before: string;
  after: string;
  holderKey: string;
  entries: ReadonlyMap<string, unknown>;
  mayBeLooser: boolean;
}): boolean {
  const result = readEntries(check.after, check.holderKey);
  if (result.status === "invalid") return false;
  const { document } = result;
  const others = (root: Node | undefined): unknown =>
    root === undefined ? {} : { ...(dataOf(root) as object), [check.holderKey]: undefined };
  const beforeRoot = parseTree(check.before, [], { allowTrailingComma: true });
  return (
    isSameData(Object.fromEntries(document.entries), Object.fromEntries(check.entries)) &&
    isSameData(others(document.root), others(beforeRoot)) &&
    (document.root === undefined || check.mayBeLooser || isStrict(check.after) || !isStrict(check.before))
  );
}

function isStrict(text: string): boolean {
  const errors: Parameters<typeof parseTree>[1] = [];
  parseTree(text, errors, { allowTrailingComma: false });
  return errors.length === 0;
}

function wholeText(text: string, property: { key: string; value: JsonObject }): Splice {
  const { eol, unit } = { ...defaultStyle, eol: text.includes("\r\n") ? "\r\n" : "\n" } as const;
  const style = { ...defaultStyle, eol } as const;
  return {
    offset: 0,
    replaced: text,
    inserted: `{${eol}${unit}${formatProperty(property, style, unit)}${eol}}${eol}`,
  };
}

function replaceEntry(text: string, root: Node, holder: Node, name: string, value: JsonValue): Splice {
  const property = propertiesOf(holder).find(({ key }) => key === name);
  const start = property?.keyNode.offset ?? holder.offset;
  const end = property === undefined ? start : property.value.offset + property.value.length;
  const style = styleOf(text, root);
  const inserted = formatProperty({ key: name, value }, style, indentBefore(text, start));
  return { offset: start, replaced: text.slice(start, end), inserted };
}

function offsetOfEntry(text: string, holderKey: string, name: string): number {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const holder = root === undefined ? undefined : propertiesOf(root).find(({ key }) => key === holderKey)?.value;
  const entry = holder === undefined ? undefined : propertiesOf(holder).find(({ key }) => key === name);
  return entry?.keyNode.offset ?? -1;
}

function invalid(node: Node, message: string): EntryTextResult {
  return { status: "invalid", defects: [{ offset: node.offset, message }] };
}

function article(type: string): string {
  return type === "null" ? "null" : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** As JSON has it: no prototypes, no undefined. */
function plain(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value));
}
