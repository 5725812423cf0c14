import { basename } from "node:path";
import { isSameServerUrl } from "../config/server.ts";
import type { AgentDialect, AgentEntry } from "./dialect.ts";
import { isSameData } from "./merge.ts";

/** What to do with an entry that stands in an agent's file and that this boot's `up` did not write. */
export type EntryVerdict =
  | { readonly verdict: "keep" }
  /** Ours in form, for the same URL, but nothing there can be started. */
  | { readonly verdict: "mend"; readonly reason: string }
  /** Somebody's own; it stays, and the reason is told. */
  | { readonly verdict: "leave"; readonly reason: string };

/**
 * Judges an entry: one that runs and names the same URL is kept, whatever its command.
 * `canRun` tells whether a command can be started.
 */
export function judgeEntry(
  entry: unknown,
  wanted: { dialect: AgentDialect; url: string; kind: "bridge" | "url"; canRun: (command: string) => boolean },
): EntryVerdict {
  const { dialect, url, kind, canRun } = wanted;
  const read = dialect.readEntry(entry);
  if (read === undefined) return { verdict: "leave", reason: "has neither a command nor a url" };
  if (read.kind === "url") {
    if (!leadsTo(read, url)) return { verdict: "leave", reason: "names another URL" };
    if (kind === "url") return { verdict: "keep" };
    return { verdict: "leave", reason: `is a url, which ${dialect.title}'s cloud calls from outside the tailnet` };
  }
  if (!leadsTo(read, url)) return { verdict: "leave", reason: "names another URL" };
  const missing = [read.command, ...scriptsOf(read)].find((command) => !canRun(command));
  if (missing === undefined) return { verdict: "keep" };
  const reason = `starts ${JSON.stringify(missing)}, which is not there`;
  return { verdict: isOurForm(entry, read, dialect) ? "mend" : "leave", reason };
}

/** Tells whether an entry leads to the server at `url`. */
export function leadsTo(entry: AgentEntry, url: string): boolean {
  return entry.kind === "url" ? isSameServerUrl(entry.url, url) : namesUrl(entry, url);
}

/** The URL may stand alone, behind `--url=`, or within a shell's command line. */
function namesUrl({ command, args }: AgentEntry & { kind: "command" }, url: string): boolean {
  return [command, ...args].some((text) =>
    text.split(/[\s'"]+|(?<=^--[\w-]+)=/).some((word) => isSameServerUrl(word, url)),
  );
}

/** `node /path/bin/tsmcp bridge URL` runs only where the script is there too. */
export function scriptsOf({ args }: AgentEntry & { kind: "command" }): readonly string[] {
  const [first] = args;
  return first !== undefined && isTsmcp(first) ? [first] : [];
}

/** Exactly as we write it, or less: nothing that somebody could have added. */
function isOurForm(entry: unknown, read: AgentEntry & { kind: "command" }, dialect: AgentDialect): boolean {
  if (typeof entry !== "object" || entry === null) return false;
  const { command, args } = read;
  const ours = new Map<string, unknown>(Object.entries(dialect.commandEntry(command, args)));
  if (Object.entries(entry).some(([key, value]) => !isSameData(value, ours.get(key) ?? null))) return false;
  const rest = args[0] !== undefined && isTsmcp(args[0]) ? args.slice(1) : isTsmcp(command) ? args : [];
  return rest.length === 2 && rest[0] === "bridge";
}

function isTsmcp(word: string): boolean {
  return basename(word) === "tsmcp" && !word.endsWith("/");
}
