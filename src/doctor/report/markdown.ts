import type { Status } from "../check.ts";
import type { CheckResult } from "../engine.ts";
import { detailsOf, type Reporting, shown } from "./reporting.ts";

const order: readonly Status[] = ["fail", "unknown", "warn", "skip", "pass"];
const words: Readonly<Record<Status, string>> = {
  fail: "❌ failed",
  unknown: "❔ could not tell",
  warn: "⚠️ to look at",
  skip: "➖ skipped",
  pass: "✅ passed",
};

/** Returns the report in GitHub's Markdown: the findings, worst first, then every check in a table that folds. */
export function renderMarkdown({ report }: Reporting): string {
  const { verdict, checks, targets, requests, durationMs } = report;
  const sorted = checks.toSorted((one, other) => order.indexOf(one.status) - order.indexOf(other.status));
  const findings = sorted.filter(({ status }) => status === "fail" || status === "unknown" || status === "warn");
  const counts = order
    .map((status) => ({ status, count: checks.filter((check) => check.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${words[status].split(" ").slice(1).join(" ")}`);
  return [
    `## tsmcp doctor: ${verdict}`,
    "",
    `${counts.join(", ")}; ${requests} requests in ${(durationMs / 1_000).toFixed(1)} s.`,
    "",
    ...targets.map(
      ({ name, tailnetUrl, publicUrl }) =>
        `- ${escapeText(name)}: tailnet ${escapeText(tailnetUrl)}, public ${escapeText(publicUrl ?? "none")}`,
    ),
    ...(targets.length > 0 ? [""] : []),
    ...findings.flatMap(finding),
    "<details><summary>Every check</summary>",
    "",
    "| check | server | result | |",
    "| --- | --- | --- | --- |",
    ...sorted.map(
      ({ id, target, status, message }) =>
        `| ${id} | ${escapeText(target ?? "")} | ${words[status]} | ${escapeText(message)} |`,
    ),
    "",
    "</details>",
    "",
  ].join("\n");
}

function finding(check: CheckResult): string[] {
  const { id, status, target, message } = check;
  const subject = target === null ? "" : ` (${escapeText(target)})`;
  return [
    `### ${words[status]}: ${id}${subject}`,
    "",
    escapeText(message),
    "",
    ...detailsOf(check).flatMap(([label, text]) =>
      label === "try" ? codeBlock(text) : [`**${label}:** ${escapeText(text)}`, ""],
    ),
  ];
}

/** A fence longer than any run of backticks in the text (CommonMark § 4.5). */
function codeBlock(text: string): string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return [`${fence}sh`, text, fence, ""];
}

/** Every sign that Markdown, its tables, HTML, mentions and automatic links could take for theirs. */
function escapeText(text: string): string {
  return shown(text).replaceAll(/:(?=\/\/)|(?<=www)\.|[&<>@]|[\\`*_{}[\]()#+!|~$-]/gi, (found) =>
    /[&<>@:.]/.test(found) ? `&#${found.charCodeAt(0)};` : `\\${found}`,
  );
}
