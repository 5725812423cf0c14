import { placeOf, type TextDefect } from "../config/jsonc.ts";
import { TsmcpError } from "../core/errors.ts";
import type { AgentDialect } from "./dialect.ts";
import { type EntryDocument, readEntryDocument } from "./entry-text.ts";
import { readWorkspaceFile, type WorkspaceFile } from "./workspace-file.ts";

/** An agent's file in a workspace, as it was found. */
export interface AgentFile extends WorkspaceFile {
  readonly document: EntryDocument;
}

/**
 * Returns the agent's file of a workspace. Throws `agent-config-invalid`, with the place, for a file that is not what the
 * agent reads, and as `readWorkspaceFile` does.
 */
export function readAgentFile(workspace: string, dialect: AgentDialect): AgentFile {
  const file = readWorkspaceFile(workspace, dialect.path);
  const result = readEntryDocument(file.text, dialect);
  if (result.status === "invalid") throw invalidText(file.path, file.text, result.defects);
  return { ...file, document: result.document };
}

/** Reads a text that was made here, so that it cannot be invalid. */
export function readOwnText(text: string, dialect: AgentDialect): EntryDocument {
  const result = readEntryDocument(text, dialect);
  if (result.status === "ok") return result.document;
  throw new Error(`the text made for ${dialect.path} is invalid: ${result.defects[0]?.message}`);
}

export function invalidText(path: string, text: string, defects: readonly TextDefect[]): TsmcpError {
  const lines = defects.map(({ offset, message }) => `${path}:${placeOf(text, offset)}: ${message}`);
  return new TsmcpError({
    code: "agent-config-invalid",
    message: lines.join("\n  "),
    hint: "mend that file, then run this again; it was not touched",
    facts: { file: path, defects: lines },
  });
}
