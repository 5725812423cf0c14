import { relative } from "node:path";
import { invalidText } from "../agents/agent-file.ts";
import { planAgentFiles } from "../agents/agent-files.ts";
import {
  readWorkspaceFile,
  requireWritable,
  type WorkspaceFile,
  writeWorkspaceFile,
} from "../agents/workspace-file.ts";
import { TsmcpError } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { mergeSettings } from "./merge-settings.ts";
import type { InitOutput, InitWords } from "./output.ts";
import { mergeSection } from "./section.ts";

/** One file as it will be. */
export interface PlannedFile {
  /** Relative to the workspace, as it was asked for. */
  readonly path: string;
  readonly outcome: "written" | "changed" | "kept";
  /** What is to know about it, or empty. */
  readonly detail: string;
  readonly text: string;
  readonly executable: boolean;
  readonly file: WorkspaceFile;
}

export interface InitPlan {
  readonly files: readonly PlannedFile[];
  readonly pastes: readonly { readonly where: string; readonly text: string }[];
}

export interface InitRequest extends InitWords {
  readonly force: boolean;
  readonly env: Environment;
}

/**
 * Returns what the outputs come to in a workspace; nothing is written yet. Throws `usage-invalid` where something of
 * somebody's own stands in the place and `force` is not given, and `agent-config-invalid` for a file that cannot be read.
 */
export function planInit(outputs: readonly InitOutput[], request: InitRequest): InitPlan {
  return {
    files: outputs.flatMap((output) => (output.kind === "paste" ? [] : [planFile(output, request)])),
    pastes: outputs.flatMap((output) => (output.kind === "paste" ? [output] : [])),
  };
}

/** Writes what the plan changes, each file all or nothing. Throws as `writeWorkspaceFile` does. */
export function applyInit({ files }: InitPlan): void {
  for (const { file, text, outcome, executable } of files) {
    if (outcome !== "kept") writeWorkspaceFile(file, text, executable ? 0o111 : 0);
  }
}

function planFile(output: Exclude<InitOutput, { kind: "paste" }>, request: InitRequest): PlannedFile {
  if (output.kind === "entries") return planEntries(output.dialect, request);
  const file = readWorkspaceFile(request.workspace, output.path);
  const text = textFor(output, file, request.force);
  return planned({ file, text, path: output.path, detail: "", executable: isExecutable(output) });
}

function textFor(
  output: Exclude<InitOutput, { kind: "paste" | "entries" }>,
  { text, found, path }: WorkspaceFile,
  force: boolean,
): string {
  switch (output.kind) {
    case "section":
      return mergeSection(text, output.text);
    case "whole":
      if (found !== undefined && text !== output.text && !force)
        throw taken(output.path, "is there already, and differs");
      return output.text;
    case "settings": {
      const merged = mergeSettings(text, output.settings, force);
      if (merged.status === "invalid") throw invalidText(path, text, merged.defects);
      if (merged.status === "ok") return merged.text;
      const { path: keys, value } = merged.setting;
      throw taken(
        output.path,
        `has a ${JSON.stringify(keys.join("."))} of its own`,
        `put ${JSON.stringify(value)} into it, then run this again; or pass --force to replace it`,
      );
    }
  }
}

/** What is committed must run on every machine, so that it says `tsmcp` and no path of this one. */
function planEntries(
  dialect: Parameters<typeof planAgentFiles>[0]["agents"][number],
  request: InitRequest,
): PlannedFile {
  const { workspace, servers, env } = request;
  const launcher = { command: "tsmcp", leadingArgs: [] };
  const plan = planAgentFiles({ workspace, agents: [dialect], servers, kind: "bridge", launcher, env, recorded: [] });
  const [one] = plan.files;
  if (one === undefined) throw new Error(`no file was planned for ${dialect.name}`);
  const detail = one.outcomes
    .filter(({ outcome, detail }) => outcome === "left" || detail.includes(", but ") || detail.includes(", where "))
    .map((outcome) => outcome.detail)
    .join("; ");
  return planned({ file: one.file, text: one.text, path: dialect.path, detail, executable: false });
}

function planned(of: Omit<PlannedFile, "outcome">): PlannedFile {
  const { file, text } = of;
  const outcome = file.found === undefined ? "written" : file.text === text ? "kept" : "changed";
  if (outcome !== "kept") requireWritable(file);
  return { ...of, outcome };
}

function isExecutable(output: InitOutput): boolean {
  return output.kind === "whole" && output.executable === true;
}

function taken(path: string, what: string, hint?: string): TsmcpError {
  return new TsmcpError({
    code: "usage-invalid",
    message: `${JSON.stringify(relative(".", path))} ${what}; nothing was written`,
    hint: hint ?? "pass --force to replace it, or --print to see what would be written",
    facts: { file: path },
  });
}
