import type { CheckResult } from "../engine.ts";
import { detailsOf, type Reporting, shown, weightOf } from "./reporting.ts";

/**
 * Returns the report as JUnit XML: a suite for this machine and one for each server, a case for each check. What was not
 * proven and would have to be is an error, as the verdict has it.
 * Source: https://github.com/jenkinsci/xunit-plugin, `jenkins-junit.xsd`.
 */
export function renderJunit(reporting: Reporting): string {
  const { report } = reporting;
  const names = [...new Set(report.checks.map(({ target }) => target))];
  const suites = names.map((name) =>
    suite(
      name,
      report.checks.filter(({ target }) => target === name),
      reporting,
    ),
  );
  const total = countsOf(report.checks, reporting);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tsmcp doctor" ${attributes({ ...without(total, "skipped"), time: seconds(report.durationMs) })}>`,
    ...suites,
    "</testsuites>",
    "",
  ].join("\n");
}

function suite(name: string | null, checks: readonly CheckResult[], reporting: Reporting): string {
  const time = seconds(checks.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const timestamp = reporting.startedAt.toISOString().slice(0, 19);
  const head = attributes({ name: name ?? "this machine", ...countsOf(checks, reporting), time, timestamp });
  return [`  <testsuite ${head}>`, ...checks.map((check) => testCase(check, reporting)), "  </testsuite>"].join("\n");
}

function testCase(check: CheckResult, reporting: Reporting): string {
  const { id, group, title, durationMs, status, message } = check;
  const head = `    <testcase ${attributes({ classname: `tsmcp.${group}`, name: `${id}: ${title}`, time: seconds(durationMs) })}`;
  const body = element(check, reporting);
  if (body !== undefined) return `${head}>\n      ${body}\n    </testcase>`;
  if (status === "pass") return `${head}/>`;
  const text = [message, ...detailsOf(check).map(([label, detail]) => `${label}: ${detail}`)].map(xml).join("\n");
  return `${head}>\n      <system-out>${status}: ${text}</system-out>\n    </testcase>`;
}

function element(check: CheckResult, reporting: Reporting): string | undefined {
  const { id, message, status } = check;
  const text = detailsOf(check)
    .map(([label, detail]) => `${label}: ${xml(detail)}`)
    .join("\n");
  switch (weightOf(check, reporting)) {
    case "failure":
      return `<failure ${attributes({ message, type: id })}>${text}</failure>`;
    case "unproven":
      return `<error ${attributes({ message: `not proven: ${message}`, type: id })}>${text}</error>`;
    case "remark":
    case "none":
      return isSkipped(check) ? `<skipped>${xml(`${status}: ${message}`)}</skipped>` : undefined;
  }
}

function isSkipped({ status }: CheckResult): boolean {
  return status === "skip" || status === "unknown";
}

function countsOf(
  checks: readonly CheckResult[],
  reporting: Reporting,
): { readonly tests: number; readonly failures: number; readonly errors: number; readonly skipped: number } {
  const weights = checks.map((check) => weightOf(check, reporting));
  const count = (weight: string): number => weights.filter((one) => one === weight).length;
  const skipped = checks.filter((check, at) => isSkipped(check) && weights[at] !== "unproven").length;
  return { tests: checks.length, failures: count("failure"), errors: count("unproven"), skipped };
}

function without<Key extends string, Rest extends object>(object: Rest & Record<Key, unknown>, key: Key): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

function attributes(values: object): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${xml(String(value))}"`)
    .join(" ");
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** Beyond what `shown` strips, XML 1.0 has no U+FFFE and U+FFFF (§ 2.2). */
function xml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  return shown(text)
    .replaceAll(/[\ufffe\uffff]/g, "")
    .replaceAll(/[&<>"']/g, (found) => entities[found] ?? "");
}
