import { appendFileSync, existsSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { ConfiguredServer } from "../config/servers.ts";
import type { DoctorReport } from "../doctor/run-doctor.ts";
import type { CommandContext } from "./context.ts";
import { assertWritable, writeOutput } from "./output-file.ts";

/** Writes the reports that were asked for. */
export type ReportWriter = (run: {
  readonly report: DoctorReport;
  readonly servers: readonly ConfiguredServer[];
  readonly strict: boolean;
  readonly startedAt: Date;
}) => Promise<void>;

/**
 * Returns what writes every `--report` once there is something to report. Throws, before anything is looked at,
 * `usage-invalid` for a request that is none, and `file-unwritable`.
 */
export async function reportWriter(texts: readonly string[], context: CommandContext): Promise<ReportWriter> {
  const { parseReport, renderReport } = await import("../doctor/report/report-file.ts");
  const requests = texts.map(parseReport);
  for (const { file } of requests) if (file !== undefined) assertWritable(file, context.cwd, "--report");
  return async ({ report, servers, strict, startedAt }) => {
    const { catalogue } = await import("../doctor/catalogue.ts");
    const root = repositoryOf(context);
    const placed = servers.flatMap(({ name, origin }) => {
      const place = placeIn(origin, root);
      return place === undefined ? [] : [[name, place] as const];
    });
    const fallback = { file: fallbackFile(root), line: 1, column: 1 };
    const reporting = { report, catalogue, strict, startedAt, places: new Map(placed), fallback };
    for (const { kind, file } of requests) {
      const text = renderReport(kind, reporting);
      if (file === undefined) context.writeError(text);
      else writeOutput(file, Buffer.from(text), context.cwd, "--report");
      if (kind === "github") appendSummary(renderReport("markdown", reporting), context);
    }
  };
}

/** The page of the job, to which every step adds. Source: GitHub "Workflow commands", "Adding a job summary". */
function appendSummary(text: string, { env, log }: CommandContext): void {
  const path = env.GITHUB_STEP_SUMMARY ?? "";
  if (path === "") return;
  try {
    appendFileSync(path, text);
  } catch (error) {
    log.warn(`GITHUB_STEP_SUMMARY cannot be written: ${String(error)}`);
  }
}

/** The top of the repository that we stand in, to which places are relative. */
function repositoryOf({ cwd }: CommandContext): string {
  const start = realpathSync(cwd);
  for (let directory = start; ; directory = dirname(directory)) {
    if (existsSync(join(directory, ".git"))) return directory;
    if (directory === dirname(directory)) return start;
  }
}

/** Returns the place in `FILE:LINE:COLUMN`, or undefined for a file that is not in the repository. */
function placeIn(origin: string, root: string): { file: string; line: number; column: number } | undefined {
  const [, file = "", line = "1", column = "1"] = /^(.*):(\d+):(\d+)$/.exec(origin) ?? [];
  if (!existsSync(file)) return undefined;
  const path = relative(root, realpathSync(resolve(file)));
  if (path === "" || path.startsWith("..")) return undefined;
  return { file: path.split(sep).join("/"), line: Number(line), column: Number(column) };
}

/** Something that a reader of the repository will know, for what stands in no configuration. */
function fallbackFile(root: string): string {
  const candidates = ["tsmcp.config.json", ".cursor/mcp.json", ".cursor/environment.json", "README.md"];
  return candidates.find((name) => existsSync(join(root, name))) ?? "tsmcp.config.json";
}
