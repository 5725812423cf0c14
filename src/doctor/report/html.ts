import { version } from "../../core/version.ts";
import type { Status } from "../check.ts";
import type { CheckResult } from "../engine.ts";
import type { TargetReport } from "../run-doctor.ts";
import { type Markup, markup } from "./markup.ts";
import { pageStyle } from "./page-style.ts";
import { pathPicture } from "./path-picture.ts";
import { detailsOf, type Reporting } from "./reporting.ts";
import { twoViews } from "./two-views.ts";

const order: readonly Status[] = ["fail", "unknown", "warn", "skip", "pass"];
const words: Readonly<Record<Status, string>> = {
  fail: "✗ failed",
  unknown: "? could not tell",
  warn: "! to look at",
  skip: "– skipped",
  pass: "✓ passed",
};
const verdicts = {
  pass: ["pass", "Proven: the agent sees its tools, and the internet sees none."],
  fail: ["fail", "Something is wrong."],
  unknown: ["unknown", "It could not all be found out."],
} as const;

/** Returns the report as one page that fetches nothing: both views, the path, what to do, and every check. */
export function renderHtml({ report, startedAt }: Reporting): string {
  const { verdict, checks, targets, requests, durationMs } = report;
  const [look, wellSaid] = verdicts[verdict];
  // A run of some checks alone proves no more than those.
  const sentence = verdict === "pass" && !isWhole(checks) ? "What was looked at is well." : wellSaid;
  const sorted = checks.toSorted((one, other) => order.indexOf(one.status) - order.indexOf(other.status));
  const findings = sorted.filter(({ status }) => status === "fail" || status === "unknown" || status === "warn");
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>tsmcp doctor: ${verdict}</title>
<style>${{ html: pageStyle }}</style>
</head>
<body>
<main>
<h1>tsmcp doctor <span class="badge ${look}">${verdict}</span></h1>
<p>${sentence}</p>
<p class="soft">${startedAt.toISOString().replace("T", " ").slice(0, 19)} UTC, tsmcp ${version}; ${requests} requests in ${(durationMs / 1_000).toFixed(1)} s.</p>
${targets.length === 0 ? machineSection(checks) : targets.map((target, at) => targetSection(target, { checks, at }))}
<h2>What to do</h2>
${findings.length === 0 ? markup`<p>Nothing.</p>` : findings.map(findingCard)}
<h2>Every check</h2>
<details><summary>${sorted.length} checks</summary>
<table><thead><tr><th scope="col">check</th><th scope="col">result</th></tr></thead>
<tbody>
${sorted.map(row)}
</tbody></table></details>
</main>
</body>
</html>
`;
  return page.html;
}

function isWhole(checks: readonly CheckResult[]): boolean {
  const proofs = ["tailnet.tools", "public.tools", "separation.host-header"];
  return proofs.every((id) => checks.some((check) => check.id === id && check.status === "pass"));
}

function machineSection(checks: readonly CheckResult[]): Markup {
  return markup`<section><h2>The way</h2>${pathPicture(checks, "way")}</section>`;
}

function targetSection(
  target: TargetReport,
  { checks, at }: { readonly checks: readonly CheckResult[]; readonly at: number },
): Markup {
  const own = checks.filter((check) => check.target === null || check.target === target.name);
  return markup`<section><h2>${target.name}</h2>
${pathPicture(own, `way-${at}`)}
${twoViews(target, own)}</section>`;
}

function findingCard(check: CheckResult): Markup {
  const { id, status, target, message } = check;
  return markup`<article class="card finding ${status}"><h3>${words[status]}: <code>${id}</code> <span class="soft">${target ?? ""}</span></h3>
<p>${message}</p>
<dl>${detailsOf(check).map(
    ([label, text]) =>
      markup`<dt>${label}</dt><dd>${label === "try" ? markup`<pre><code>${text}</code></pre>` : markup`${text}`}</dd>`,
  )}</dl></article>`;
}

function row({ id, target, status, message }: CheckResult): Markup {
  return markup`<tr><td><code>${id}</code> <span class="soft">${target ?? ""}</span></td><td><span class="${status}">${words[status]}</span><br>${message}</td></tr>`;
}
