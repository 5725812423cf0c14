import type { TextDefect } from "../config/jsonc.ts";
import type { JsonObject } from "../core/record.ts";
import type { EntryDialect } from "./dialect.ts";
import { addEntry, type EntryRecord, readEntries, removeEntry } from "./merge.ts";
import { addTomlEntry, readTomlEntries, removeTomlEntry } from "./toml-entries.ts";

/** A text that holds entries by name, in whatever form, and the ways to change it. The text itself never changes. */
export interface EntryDocument {
  readonly text: string;
  readonly entries: ReadonlyMap<string, unknown>;
  /** Returns the text with the entry put last, or in the place of the one it mends, and what undoes that. */
  readonly add: (entry: NamedEntry) => { readonly text: string; readonly record: EntryRecord };
  /** Returns the text without the entry; `changed`: it is no longer what was written, so it stays. */
  readonly remove: (record: EntryRecord) => RemovedEntry;
}

export interface NamedEntry {
  readonly name: string;
  readonly value: JsonObject;
}

export type RemovedEntry =
  | { readonly status: "removed"; readonly text: string }
  | { readonly status: "absent" | "changed" };

export type EntryDocumentResult =
  | { readonly status: "ok"; readonly document: EntryDocument }
  | { readonly status: "invalid"; readonly defects: readonly TextDefect[] };

/** Reads a text as the agent of `dialect` does. A blank text is one without entries. */
export function readEntryDocument(
  text: string,
  { format, holderKey }: Pick<EntryDialect, "format" | "holderKey">,
): EntryDocumentResult {
  switch (format) {
    case "json": {
      const result = readEntries(text, holderKey);
      if (result.status === "invalid") return result;
      const { document } = result;
      return ok({
        text,
        entries: document.entries,
        add: (entry) => addEntry(document, { holderKey, ...entry }),
        remove: (record) => removeEntry(document, { holderKey, record }),
      });
    }
    case "toml": {
      const result = readTomlEntries(text, holderKey);
      if (result.status === "invalid") return result;
      const { document } = result;
      return ok({
        text,
        entries: document.entries,
        add: (entry) => addTomlEntry(document, { holderKey, ...entry }),
        remove: (record) => removeTomlEntry(document, { holderKey, record }),
      });
    }
  }
}

function ok(document: EntryDocument): EntryDocumentResult {
  return { status: "ok", document };
}
