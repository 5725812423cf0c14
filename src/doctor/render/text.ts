import { groups, type Status } from "../check.ts";
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
  /** `quiet` shows what is wrong, `normal` also what is well, in short, `verbose` every check and how to repeat it. */
  readonly detail: "quiet" | "normal" | "verbose";
}

/**
 * Returns the report for people: worst first, with what to do, then what was not reached, what is well in a line for
 * each group, and one line that sums up. Ends in a line break.
 */
export function renderText(report: DoctorReport, options: TextOptions): string {
  const { detail } = options;
  const shape = { ...options, many: report.targets.length > 1, all: report.checks };
  const sorted = report.checks.toSorted((one, other) => order.indexOf(one.status) - order.indexOf(other.status));
  const findings = sorted.filter(({ status }) => status === "fail" || status === "unknown" || status === "warn");
  const skips = sorted.filter((check) => check.status === "skip" && (detail === "verbose" || isWorthTelling(check)));
  const passes = sorted.filter(({ status }) => status === "pass");
  const blocks = [
    ...findings.flatMap((check) => lines(check, shape)),
    ...(detail === "quiet" ? [] : [...skipBlocks(skips, shape), ...passBlocks(passes, shape)]),
  ];
  if (detail === "quiet" && blocks.length === 0 && report.verdict === "pass") return "";
  const head = detail === "quiet" || report.targets.length === 0 ? [] : [...report.targets.map(targetLine), ""];
  return [...head, ...blocks, ...(blocks.length > 0 ? [""] : []), summary(report)].map((line) => `${line}\n`).join("");
}

interface Shape extends TextOptions {
  /** Whether there are several servers, so that each line names its own. */
  readonly many: boolean;
  readonly all: readonly CheckResult[];
}

/** That a question does not arise is no news, unless the verdict depends on it or something is to be done. */
function isWorthTelling({ mandatory, hint, facts }: CheckResult): boolean {
  return mandatory || hint !== null || typeof facts.need === "string";
}

/** One cause often skips ten checks: one line for them all. */
function skipBlocks(skips: readonly CheckResult[], shape: Shape): string[] {
  return skips.flatMap((check) => {
    const alike = skips.filter(({ message }) => message === check.message);
    return alike[0] === check ? skipLines(alike, shape) : [];
  });
}

function skipLines(alike: readonly CheckResult[], shape: Shape): string[] {
  const [first] = alike;
  const need = shape.all.find(({ id, status }) => id === first?.facts.need && status !== "skip");
  // Where the need stands above, it has said what is wrong and what to do.
  const reason = need === undefined ? plainText(first?.message ?? "", 600) : `needs ${need.id}`;
  const line = `${paint(words.skip, { status: "skip", color: shape.color })} ${namesOf(alike, shape)}: ${reason}`;
  const hint = first?.hint ?? null;
  return hint === null || need !== undefined ? [line] : [line, `       do:    ${plainText(hint, 600)}`];
}

const maxNames = 4;

/** Those that the verdict depends on come first; of many the rest is counted. */
function namesOf(checks: readonly CheckResult[], { detail, many }: Shape): string {
  const sorted = checks.toSorted((one, other) => Number(other.mandatory) - Number(one.mandatory));
  const shown = detail === "verbose" || checks.length <= maxNames + 1 ? sorted : sorted.slice(0, maxNames);
  const rest = checks.length - shown.length;
  const names = shown.map((check) => `${check.id}${ofTarget(check, many)}`).join(", ");
  return rest === 0 ? names : `${names} and ${rest} more`;
}

/** What the verdict depends on in lines of their own, the rest of each group by name. */
function passBlocks(passes: readonly CheckResult[], shape: Shape): string[] {
  if (shape.detail === "verbose") return passes.flatMap((check) => lines(check, shape));
  const proven = passes.filter(({ mandatory }) => mandatory).flatMap((check) => lines(check, shape));
  const rest = passes.filter(({ mandatory }) => !mandatory);
  return [
    ...proven,
    ...groups.flatMap((group) => {
      const names = [
        ...new Set(rest.filter((check) => check.group === group).map(({ id }) => id.slice(group.length + 1))),
      ];
      return names.length === 0
        ? []
        : [`${paint(words.pass.padEnd(4), { status: "pass", color: shape.color })} ${group}: ${names.join(", ")}`];
    }),
  ];
}

function targetLine({ name, tailnetUrl, publicUrl, derived }: DoctorReport["targets"][number]): string {
  const mark = (side: "tailnet" | "public"): string => (derived === side ? " (derived)" : "");
  const sides = `tailnet ${tailnetUrl}${mark("tailnet")}, public ${publicUrl ?? "none"}${mark("public")}`;
  return name === publicUrl || name === tailnetUrl || URL.canParse(name) ? sides : `${plainText(name)}: ${sides}`;
}

function paint(text: string, { status, color }: { readonly status: Status; readonly color: boolean }): string {
  return color ? `\u001b[${colors[status]}m${text}\u001b[0m` : text;
}

function ofTarget({ target }: CheckResult, many: boolean): string {
  return many && target !== null ? ` [${plainText(target)}]` : "";
}

function lines(check: CheckResult, { color, detail, many }: Shape): string[] {
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
