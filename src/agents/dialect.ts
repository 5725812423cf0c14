import type { JsonObject } from "../core/record.ts";

/** How an agent writes an MCP server down. */
export interface EntryDialect {
  /** As in `--agent` and in the configuration. */
  readonly name: string;
  readonly title: string;
  readonly format: "json" | "toml";
  /** The key of the object that holds the entries by name. */
  readonly holderKey: string;
  /** The entry of a stdio server. */
  readonly commandEntry: (command: string, args: readonly string[]) => JsonObject;
  /** How it reaches the server, as a person would want to know before choosing. */
  readonly transport: string;
  /** How long it waits for a server at start, and what is written about that. */
  readonly startBudget: string;
  /** What is to know before one wonders, each a sentence without its stop. */
  readonly quirks: readonly string[];
}

/** An agent that reads its servers from a file of the workspace. One file per agent holds one of these. */
export interface AgentDialect extends EntryDialect {
  /** The file that is committed, relative to the workspace. */
  readonly path: string;
  /** The entry of a server that the agent itself calls. */
  readonly urlEntry: (url: string) => JsonObject;
  /** Reads an entry of either kind; undefined where it is neither. */
  readonly readEntry: (entry: unknown) => AgentEntry | undefined;
  /** Whether this machine is a VM in which the agent runs on its maker's cloud. */
  readonly isAgentVm: (facts: MachineFacts) => boolean;
  /** Whether the workspace is used with this agent. */
  readonly isUsedIn: (hasPath: (path: string) => boolean) => boolean;
  /** Returns what in the workspace's, the user's or the machine's settings keeps the entry from being used, each as "FILE does …". */
  readonly blockersOf: (placed: PlacedEntry, settings: AgentSettings) => readonly string[];
}

/** An agent that reads no file of a repository: what it needs is pasted by a person. */
export interface PastedDialect extends EntryDialect {
  /** Where to paste it. */
  readonly where: string;
}

export type AgentEntry =
  | { readonly kind: "command"; readonly command: string; readonly args: readonly string[] }
  | { readonly kind: "url"; readonly url: string };

/** An entry as it stands, or will, in the agent's file. */
export interface PlacedEntry {
  readonly name: string;
  readonly entry: AgentEntry;
}

/** The settings that stand beside an agent's servers. */
export interface AgentSettings {
  readonly workspace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Returns the data of a file of the workspace, of the home (`~/…`) or by absolute path; undefined where there is none to be read. */
  readonly read: (path: string) => unknown;
  /** Returns the JSON files of a directory by such paths, sorted. */
  readonly filesIn: (directory: string) => readonly string[];
}

export interface MachineFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether an absolute path exists. */
  readonly exists: (path: string) => boolean;
}
