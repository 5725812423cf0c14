import type { AgentDialect } from "../agents/dialect.ts";
import type { JsonValue } from "../core/record.ts";

/** One thing that `tsmcp init` has to bring about in a repository, or to print. */
export type InitOutput =
  /** A file of ours alone: one that is there and differs stays, unless `--force` is given. */
  | { readonly kind: "whole"; readonly path: string; readonly text: string; readonly executable?: boolean }
  /** The servers in the agent's own file. */
  | { readonly kind: "entries"; readonly dialect: AgentDialect }
  /** Single settings in a JSON file that holds others. */
  | { readonly kind: "settings"; readonly path: string; readonly settings: readonly Setting[] }
  /** A part of a text for people and agents, between two marks. */
  | { readonly kind: "section"; readonly path: string; readonly text: string }
  /** What a person has to paste, because no file of a repository is read there. */
  | { readonly kind: "paste"; readonly where: string; readonly text: string };

/**
 * One setting. `set`: another value in its place is somebody's own, and told. `default`: another value is as good.
 * `append`: the value goes to the end of a list that may hold others.
 */
export interface Setting {
  readonly path: readonly string[];
  readonly value: JsonValue;
  readonly mode: "set" | "default" | "append";
}

/** What the outputs are made of. */
export interface InitWords {
  readonly servers: readonly { readonly name: string; readonly url: string }[];
  readonly workspace: string;
}
