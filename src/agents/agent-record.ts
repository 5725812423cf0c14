import type { JsonObject, JsonValue } from "../core/record.ts";
import type { EntryRecord } from "./merge.ts";

/** What `up` did to one agent's file, kept in the record of the boot. Holds entries of ours only, so no secret. */
export type AgentFileRecord = {
  readonly agent: string;
  readonly workspace: string;
  /** Where the file really is, links followed. */
  readonly path: string;
  readonly createdFile: boolean;
  readonly createdDirectories: readonly string[];
  readonly entries: readonly EntryRecord[];
};

/** Returns the record in `value`, or undefined where that is none. */
export function parseAgentRecord(value: JsonObject): AgentFileRecord | undefined {
  const { agent, workspace, path, createdFile, createdDirectories, entries } = value;
  if (typeof agent !== "string" || typeof path !== "string" || typeof workspace !== "string") return undefined;
  if (!Array.isArray(entries)) return undefined;
  return {
    agent,
    workspace,
    path,
    createdFile: createdFile === true,
    createdDirectories: Array.isArray(createdDirectories)
      ? createdDirectories.filter((directory) => typeof directory === "string")
      : [],
    entries: entries.flatMap((entry: JsonValue) => parseEntry(entry) ?? []),
  };
}

function parseEntry(entry: JsonValue): EntryRecord | undefined {
  if (!isObject(entry)) return undefined;
  const { name, value, inserted, replaced, keyOffset, container, previous } = entry;
  if (typeof name !== "string" || !isObject(value) || typeof inserted !== "string") return undefined;
  if (typeof replaced !== "string" || typeof keyOffset !== "number") return undefined;
  return { name, value, inserted, replaced, keyOffset, container: container === true, previous: previous ?? null };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
