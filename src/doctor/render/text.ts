import type { Status } from "../check.ts";
import type { CheckResult } from "../engine.ts";
import { plainText } from "../plain-text.ts";
import type { DoctorReport } from "../run-doctor.ts";

/** Worst first; what passed and what was skipped are only counted unless asked for. */
const order: readonly Status[] = ["fail", "unknown", "warn", "skip", "pass"];
const words: Readonly<Record<Status, string>> = {
  fail: "FAIL",
  unknown: "????",
  warn: "WARN",
  skip: "skip",
  pass: "ok",
};
const colors: Readonly<Record<Status, string>> = { fail: "31", unknown: "33", warn: "33", skip: "2", pass: "32" };

export interface TextOptions {
  readonly color: boolean;
  /** `quiet` shows what is wrong, `normal` every check in a line, `verbose` also how to repeat what passed. */
  readonly detail: "quiet" | "normal" | "verbose";
}

/** Returns the report for people: worst first, with what to do, then one line that sums up. Ends in a line break. */
export function renderText(report: DoctorReport, options: TextOptions): string {
  const shown = report.checks
    .filter(
      ({ status }) => options.detail !== "quiet" || status === "fail" || status === "unknown" || status === "warn",
    )
    .toSorted((one, other) => order.indexOf(one.status) - order.indexOf(other.status));
  const many = report.targets.length > 1;
  const skips = shown.filter(({ status }) => status === "skip");
  const blocks = shown.flatMap((check) => {
    if (check.status !== "skip") return lines(check, { ...options, many });
    // One cause often skips ten checks: one line for them all.
    const alike = skips.filter(({ message }) => message === check.message);
    return alike[0] === check ? skipLines(alike, report.checks, { ...options, many }) : [];
  });
  const head =
    options.detail === "quiet" ? [] : [...report.targets.map(targetLine), ...(report.targets.length > 0 ? [""] : [])];
  if (options.detail === "quiet" && blocks.length === 0 && report.verdict === "pass") return "";
  return [...head, ...blocks, ...(blocks.length > 0 ? [""] : []), summary(report)].map((line) => `${line}\n`).join("");
}

function targetLine({ name, tailnetUrl, publicUrl, derived }: DoctorReport["targets"][number]): string {
  const mark = (side: "tailnet" | "public"): string => (derived === side ? " (derived)" : "");
  const sides = `tailnet ${tailnetUrl}${mark("tailnet")}, public ${publicUrl ?? "none"}${mark("public")}`;
  return name === publicUrl || name === tailnetUrl || URL.canParse(name) ? sides : `${plainText(name)}: ${sides}`;
}

function skipLines(
  alike: readonly CheckResult[],
  all: readonly CheckResult[],
  { color, many }: TextOptions & { many: boolean },
): string[] {
  const names = alike.map((check) => `${check.id}${ofTarget(check, many)}`).join(", ");
  const [first] = alike;
  const line = `${paint(words.skip, { status: "skip", color })} ${names}: ${plainText(first?.message ?? "", 600)}`;
  // Where the need stands above, it has said what to do.
  const isTold = all.some(({ id, status }) => id === first?.facts.need && status !== "skip");
  const hint = first?.hint ?? null;
  return hint === null || isTold ? [line] : [line, `       do:    ${plainText(hint, 600)}`];
}

function paint(text: string, { status, color }: { readonly status: Status; readonly color: boolean }): string {
  return color ? `\u001b[${colors[status]}m${text}\u001b[0m` : text;
}

function ofTarget({ target }: CheckResult, many: boolean): string {
  return many && target !== null ? ` [${plainText(target)}]` : "";
}

function lines(check: CheckResult, { color, detail, many }: TextOptions & { many: boolean }): string[] {
  const { status, id, message, facts, reproduce, hint } = check;
  const first = `${paint(words[status].padEnd(4), { status, color })} ${id}${ofTarget(check, many)}: ${plainText(message, 600)}`;
  const isBad = status === "fail" || status === "warn" || status === "unknown";
  if (!isBad && detail !== "verbose") return [first];
  const more = [
    ...(typeof facts.why === "string" ? [`why:   ${facts.why}`] : []),
    ...(reproduce === null ? [] : [`try:   ${reproduce}`]),
    ...(hint === null ? [] : [`do:    ${hint}`]),
  ];
  return [first, ...more.map((line) => `       ${line}`)];
}

function summary({ checks, verdict, requests, durationMs }: DoctorReport): string {
  const counts = order
    .map((status) => ({ status, count: checks.filter((check) => check.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${nouns[status]}`);
  const seconds = (durationMs / 1_000).toFixed(1);
  return `${verdict}: ${counts.join(", ")}; ${requests} requests in ${seconds} s`;
}

const nouns: Readonly<Record<Status, string>> = {
  fail: "failed",
  unknown: "could not tell",
  warn: "to look at",
  skip: "skipped",
  pass: "passed",
};
