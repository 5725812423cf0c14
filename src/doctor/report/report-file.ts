import { TsmcpError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { renderAnnotations } from "./github.ts";
import { renderHtml } from "./html.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import type { Reporting } from "./reporting.ts";
import { renderSarif } from "./sarif.ts";

const renderers = {
  junit: renderJunit,
  sarif: renderSarif,
  github: renderAnnotations,
  markdown: renderMarkdown,
  html: renderHtml,
} as const satisfies Record<string, (reporting: Reporting) => string>;

export type ReportKind = keyof typeof renderers;
export const reportKinds: readonly string[] = Object.keys(renderers);

/** One `--report`. */
export interface ReportRequest {
  readonly kind: ReportKind;
  /** Undefined for annotations, which go where the runner reads them. */
  readonly file: string | undefined;
}

/** Returns what `KIND=FILE` asks for. Throws `usage-invalid` for another kind, with the nearest, and without a file. */
export function parseReport(text: string): ReportRequest {
  const at = text.indexOf("=");
  const word = at === -1 ? text : text.slice(0, at);
  const file = at === -1 ? "" : text.slice(at + 1);
  if (!isKind(word)) {
    const match = nearest(word, reportKinds);
    throw new TsmcpError({
      code: "usage-invalid",
      message: `--report: ${JSON.stringify(text)} is not KIND=FILE with one of ${reportKinds.join(", ")}`,
      hint: match === undefined ? "write it as --report junit=doctor.xml" : `did you mean ${match}=${file || "FILE"}?`,
    });
  }
  if (file !== "") return { kind: word, file };
  if (word === "github" && at === -1) return { kind: word, file: undefined };
  throw new TsmcpError({
    code: "usage-invalid",
    message: `--report: ${JSON.stringify(text)} names no file`,
    hint: `write it as --report ${word}=FILE`,
  });
}

export function renderReport(kind: ReportKind, reporting: Reporting): string {
  return renderers[kind](reporting);
}

function isKind(word: string): word is ReportKind {
  return Object.hasOwn(renderers, word);
}
