import type { JsonObject } from "../core/record.ts";

/** How one agent's configuration is written, and how its machines look. One file per agent holds one of these. */
export interface AgentDialect {
  /** As in `--agent` and in the configuration. */
  readonly name: string;
  readonly title: string;
  /** The file that is committed, relative to the workspace. */
  readonly path: string;
  /** The key of the object that holds the entries by name. */
  readonly holderKey: string;
  /** The entry of a stdio server. */
  readonly commandEntry: (command: string, args: readonly string[]) => JsonObject;
  /** The entry of a server that the agent itself calls. */
  readonly urlEntry: (url: string) => JsonObject;
  /** Reads an entry of either kind; undefined where it is neither. */
  readonly readEntry: (entry: unknown) => AgentEntry | undefined;
  /** Whether this machine is a VM in which the agent runs on its maker's cloud. */
  readonly isAgentVm: (facts: MachineFacts) => boolean;
  /** Whether the workspace is used with this agent. */
  readonly isUsedIn: (hasPath: (path: string) => boolean) => boolean;
}

export type AgentEntry =
  | { readonly kind: "command"; readonly command: string; readonly args: readonly string[] }
  | { readonly kind: "url"; readonly url: string };

export interface MachineFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether an absolute path exists. */
  readonly exists: (path: string) => boolean;
}
