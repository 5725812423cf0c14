import { rmdirSync, rmSync, statSync } from "node:fs";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import type { JsonObject } from "../core/record.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { type AgentFile, readAgentFile, readOwnText } from "./agent-file.ts";
import { type AgentFileRecord, parseAgentRecord } from "./agent-record.ts";
import type { AgentDialect } from "./dialect.ts";
import { findExecutable, type Launcher } from "./executable.ts";
import { type EntryOutcome, planText, undoAll } from "./plan.ts";
import { agentDialects } from "./registry.ts";
import { settingsReader } from "./settings-reader.ts";
import { requireWritable, writeWorkspaceFile } from "./workspace-file.ts";

export interface AgentRequest {
  readonly workspace: string;
  readonly agents: readonly AgentDialect[];
  readonly servers: readonly { readonly name: string; readonly url: string }[];
  readonly kind: "bridge" | "url";
  readonly launcher: Launcher;
  readonly env: Environment;
  /** `entries` of the boot's record. */
  readonly recorded: readonly JsonObject[];
}

/** What is to be done to the agents' files; nothing is yet. */
export interface AgentPlan {
  readonly files: readonly PlannedFile[];
  /** `entries` for the boot's record, to be written before the plan is applied. */
  readonly records: readonly JsonObject[];
}

export interface PlannedFile {
  readonly agent: string;
  readonly path: string;
  readonly changes: boolean;
  readonly outcomes: readonly EntryOutcome[];
  readonly file: AgentFile;
  readonly text: string;
}

/**
 * Returns what brings every agent's file up to date. Throws `agent-config-invalid` with the place, before anything is
 * written, for a file that cannot be read as the agent does or that cannot be written and would have to be.
 */
export function planAgentFiles(request: AgentRequest): AgentPlan {
  const before = request.recorded.flatMap((value) => parseAgentRecord(value) ?? []);
  const planned = request.agents.map((dialect) => planFile(dialect, request, before));
  const paths = new Set(planned.map(({ record }) => record.path));
  const others = before.filter(({ path }) => !paths.has(path));
  const records = [...others, ...planned.map(({ record }) => record)].filter(({ entries }) => entries.length > 0);
  return { files: planned.map(({ file }) => file), records };
}

/**
 * Writes one planned file, all or nothing. Throws `agent-config-invalid` when that fails, and `busy` when somebody
 * changed the file since it was read; then it is as it was.
 */
export function applyAgentFile({ file, text, changes }: PlannedFile): void {
  if (!changes) return;
  writeWorkspaceFile(file, text);
}

/** What `removeAgentEntries` did about one file. */
export interface RemovedEntries {
  readonly path: string;
  readonly removed: readonly string[];
  /** Entries that somebody changed since; they stay. */
  readonly left: readonly string[];
  /** Why the file could not be cleaned, or undefined. */
  readonly problem: string | undefined;
}

/**
 * Takes out of every recorded file the entries that `up` wrote, and files and directories that it made for them. What
 * cannot be cleaned is told, and the rest goes on.
 */
export function removeAgentEntries(recorded: readonly JsonObject[]): RemovedEntries[] {
  return recorded
    .flatMap((value) => parseAgentRecord(value) ?? [])
    .map((record) => {
      try {
        return removeFromFile(record);
      } catch (error) {
        if (!(error instanceof TsmcpError) && systemCodeOf(error) === undefined) throw error;
        return { path: record.path, removed: [], left: [], problem: messageOf(error) };
      }
    });
}

function planFile(
  dialect: AgentDialect,
  request: AgentRequest,
  before: readonly AgentFileRecord[],
): { file: PlannedFile; record: AgentFileRecord } {
  const { workspace, servers, kind, launcher, env } = request;
  const file = readAgentFile(workspace, dialect);
  const known = before.find(({ path }) => path === file.path);
  const canRun = (command: string): boolean =>
    // What an agent puts in for ${…} is the agent's to know.
    command.includes("${") || findExecutable(command, { env, workspace }) !== undefined;
  const planned = planText(file.document, {
    wanted: { dialect, servers, kind, launcher, canRun },
    recorded: known?.entries ?? [],
    read: (text) => readOwnText(text, dialect),
  });
  const changes = planned.text !== file.document.text;
  if (changes) requireWritable(file);
  const record: AgentFileRecord = {
    agent: dialect.name,
    workspace,
    path: file.path,
    createdFile: file.found === undefined || known?.createdFile === true,
    createdDirectories: [...(known?.createdDirectories ?? []), ...file.missingDirectories],
    entries: planned.records,
  };
  const { text } = planned;
  const entries = readOwnText(text, dialect).entries;
  const outcomes = planned.outcomes.map((outcome) => withBlockers(outcome, { dialect, entries, request }));
  return { file: { agent: dialect.name, path: file.path, changes, outcomes, file, text }, record };
}

/** An entry that is there and that the agent's own settings keep it from using would be a riddle. */
function withBlockers(
  outcome: EntryOutcome,
  {
    dialect,
    entries,
    request,
  }: { dialect: AgentDialect; entries: ReadonlyMap<string, unknown>; request: AgentRequest },
): EntryOutcome {
  const { name } = outcome;
  const entry = dialect.readEntry(entries.get(name));
  if (entry === undefined) return outcome;
  const blockers = dialect.blockersOf({ name, entry }, settingsReader(request.workspace, request.env));
  return blockers.length === 0 ? outcome : { ...outcome, detail: `${outcome.detail}, but ${blockers.join(", and ")}` };
}

function removeFromFile(record: AgentFileRecord): RemovedEntries {
  const dialect = agentDialects.find(({ name }) => name === record.agent);
  const file = dialect === undefined || !exists(record.path) ? undefined : readAgentFile(record.workspace, dialect);
  if (dialect === undefined || file?.path !== record.path) {
    removeDirectories(record);
    return { path: record.path, removed: [], left: [], problem: undefined };
  }
  const read = (text: string) => readOwnText(text, dialect);
  const undone = undoAll(file.document, { recorded: record.entries, read });
  if (record.createdFile && isEmpty(undone.text)) {
    rmSync(file.path);
    removeDirectories(record);
  } else if (undone.text !== file.document.text) {
    requireWritable(file);
    writeWorkspaceFile(file, undone.text);
  }
  return { path: record.path, removed: undone.removed, left: undone.changed, problem: undefined };
}

/** All that is left of a file that was made for our entries, and in which nobody else put anything. */
function isEmpty(text: string): boolean {
  return /^\s*(\{\s*\}\s*)?$/.test(text);
}

function removeDirectories({ createdDirectories }: AgentFileRecord): void {
  for (const directory of createdDirectories.toReversed()) {
    try {
      rmdirSync(directory);
    } catch {
      // Somebody put something into it, or took it away.
      return;
    }
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
