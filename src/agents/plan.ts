import type { JsonObject } from "../core/record.ts";
import type { AgentDialect } from "./dialect.ts";
import { isSwitchedOff } from "./entry-forms.ts";
import type { EntryDocument } from "./entry-text.ts";
import type { Launcher } from "./executable.ts";
import { judgeEntry } from "./judge-entry.ts";
import { type EntryRecord, isSameData } from "./merge.ts";

/** What became of one entry. `left`: somebody's own, it stays; `detail` says why. */
export interface EntryOutcome {
  readonly name: string;
  readonly outcome: "written" | "kept" | "mended" | "left" | "removed";
  readonly detail: string;
}

export interface WantedEntries {
  readonly dialect: AgentDialect;
  readonly servers: readonly { readonly name: string; readonly url: string }[];
  readonly kind: "bridge" | "url";
  readonly launcher: Launcher;
  readonly canRun: (command: string) => boolean;
}

export interface PlannedText {
  readonly text: string;
  readonly records: readonly EntryRecord[];
  readonly outcomes: readonly EntryOutcome[];
}

/**
 * Returns the text with every wanted entry in it, and how to undo that. Entries of `recorded`, which `up` wrote before,
 * are brought up to date or taken out; nobody else's are touched, but for one of our form that cannot be started.
 */
export function planText(
  document: EntryDocument,
  { wanted, recorded, read }: { wanted: WantedEntries; recorded: readonly EntryRecord[]; read: ReadText },
): PlannedText {
  const own = recorded.filter((record) => isSameData(document.entries.get(record.name) ?? null, record.value));
  if (own.length > 0 && !isUpToDate(own, wanted)) {
    const { text, removed } = undoAll(document, { recorded: own, read });
    const planned = addAll(read(text), { wanted, own: [], read });
    const gone = removed.filter((name) => !wanted.servers.some((server) => server.name === name));
    const outcomes = gone.map((name) => ({ name, outcome: "removed" as const, detail: `${name} is no longer wanted` }));
    return { ...planned, outcomes: [...planned.outcomes, ...outcomes] };
  }
  return addAll(document, { wanted, own, read });
}

/** Returns the text with every recorded entry taken out that is still as it was written, the latest first. */
export function undoAll(
  document: EntryDocument,
  { recorded, read }: { recorded: readonly EntryRecord[]; read: ReadText },
): { readonly text: string; readonly removed: readonly string[]; readonly changed: readonly string[] } {
  let at = document;
  const removed: string[] = [];
  const changed: string[] = [];
  for (const record of recorded.toReversed()) {
    const result = at.remove(record);
    if (result.status === "removed") {
      at = read(result.text);
      removed.push(record.name);
    } else if (result.status === "changed") changed.push(record.name);
  }
  return { text: at.text, removed: removed.toReversed(), changed: changed.toReversed() };
}

/** Reads a text that is known to be sound, because it was made here. */
export type ReadText = (text: string) => EntryDocument;

function isUpToDate(own: readonly EntryRecord[], wanted: WantedEntries): boolean {
  return own.every((record) => {
    const server = wanted.servers.find(({ name }) => name === record.name);
    return server !== undefined && isSameData(record.value, entryFor(server.url, wanted));
  });
}

function addAll(
  document: EntryDocument,
  { wanted, own, read }: { wanted: WantedEntries; own: readonly EntryRecord[]; read: ReadText },
): PlannedText {
  const records = [...own];
  const outcomes: EntryOutcome[] = [];
  let at = document;
  for (const { name, url } of wanted.servers) {
    const outcome = outcomeFor(at, { name, url, wanted, isOwn: own.some((record) => record.name === name) });
    outcomes.push(outcome);
    if (outcome.outcome !== "written" && outcome.outcome !== "mended") continue;
    const added = at.add({ name, value: entryFor(url, wanted) });
    at = read(added.text);
    records.push(added.record);
  }
  return { text: at.text, records, outcomes };
}

function outcomeFor(
  document: EntryDocument,
  { name, url, wanted, isOwn }: { name: string; url: string; wanted: WantedEntries; isOwn: boolean },
): EntryOutcome {
  const { path } = wanted.dialect;
  if (!document.entries.has(name)) return { name, outcome: "written", detail: `wrote ${name} into ${path}` };
  if (isOwn) return { name, outcome: "kept", detail: `${name} is in ${path}` };
  const verdict = judgeEntry(document.entries.get(name), { ...wanted, url });
  switch (verdict.verdict) {
    case "keep":
      return { name, outcome: "kept", detail: `${name} is in ${path}${offNote(document.entries.get(name))}` };
    case "mend":
      return { name, outcome: "mended", detail: `mended ${name} in ${path}: it ${verdict.reason}` };
    case "leave":
      return { name, outcome: "left", detail: `left ${name} in ${path} as it is: it ${verdict.reason}` };
  }
}

function offNote(entry: unknown): string {
  return isSwitchedOff(entry) ? ", where somebody switched it off" : "";
}

function entryFor(url: string, { dialect, kind, launcher }: WantedEntries): JsonObject {
  return kind === "url"
    ? dialect.urlEntry(url)
    : dialect.commandEntry(launcher.command, [...launcher.leadingArgs, "bridge", url]);
}
