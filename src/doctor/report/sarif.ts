import { createHash } from "node:crypto";
import { version } from "../../core/version.ts";
import type { Check } from "../check.ts";
import type { CheckResult } from "../engine.ts";
import { detailsOf, placeOf, type Reporting, shown, type Weight, weightOf } from "./reporting.ts";

/**
 * Returns the report as SARIF 2.1.0, for GitHub's code scanning: findings alone (it shows whatever stands there as an
 * alert), each at a place of the repository, with a fingerprint that outlives its line.
 * Source: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
 */
export function renderSarif(reporting: Reporting): string {
  const { report, catalogue } = reporting;
  const findings = report.checks.filter((check) => weightOf(check, reporting) !== "none");
  const rules = catalogue.filter(({ id }) => report.checks.some((check) => check.id === id));
  const log = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "tsmcp doctor",
            semanticVersion: version,
            informationUri: "https://www.npmjs.com/package/tsmcp",
            rules: rules.map(toRule),
          },
        },
        automationDetails: { id: "tsmcp-doctor/" },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: report.verdict !== "unknown",
            startTimeUtc: reporting.startedAt.toISOString(),
            endTimeUtc: new Date(reporting.startedAt.getTime() + report.durationMs).toISOString(),
          },
        ],
        results: findings.map((check) => toResult(check, { rules, reporting })),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

/** On GitHub's scale, in which 7.0 and more is high: an open door, and what merely does not work. */
const severities: Readonly<Record<Check["group"], string>> = {
  platform: "3.0",
  tailscale: "3.0",
  proxy: "3.0",
  tailnet: "4.0",
  public: "8.6",
  separation: "9.1",
};

function toRule({ id, group, title, explain, source }: Check): object {
  const { proves, breaks, mend } = explain;
  return {
    id,
    name: id
      .split(/[.-]/)
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join(""),
    shortDescription: { text: `${title.charAt(0).toUpperCase()}${title.slice(1)}.` },
    fullDescription: { text: proves },
    help: { text: `${proves}\n\nWhat breaks it: ${breaks}\n\nHow to mend it: ${mend}` },
    helpUri: source,
    defaultConfiguration: { level: group === "public" || group === "separation" ? "error" : "warning" },
    properties: {
      tags: group === "public" || group === "separation" ? ["security", group] : [group],
      precision: "very-high",
      ...(group === "public" || group === "separation" ? { "security-severity": severities[group] } : {}),
    },
  };
}

const levels: Readonly<Record<Weight, "error" | "warning" | "note" | "none">> = {
  failure: "error",
  unproven: "warning",
  remark: "note",
  none: "none",
};

function toResult(
  check: CheckResult,
  { rules, reporting }: { readonly rules: readonly Check[]; readonly reporting: Reporting },
): object {
  const { file, line, column } = placeOf(check, reporting);
  const subject = check.target === null ? "" : `${shown(check.target)}: `;
  const lines = [`${subject}${shown(check.message)}.`, ...detailsOf(check).map(([label, text]) => `${label}: ${text}`)];
  return {
    ruleId: check.id,
    ruleIndex: rules.findIndex(({ id }) => id === check.id),
    level: levels[weightOf(check, reporting)],
    // Brackets are links in a message (§ 3.11.6), and a server's words are none.
    message: { text: lines.join("\n").replaceAll(/[\\[\]]/g, "\\$&") },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(file).replaceAll(/[?#]/g, encodeURIComponent), uriBaseId: "%SRCROOT%" },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
    partialFingerprints: {
      "tsmcpFinding/v1": createHash("sha256")
        .update(`${check.id}\0${check.target ?? ""}`)
        .digest("hex")
        .slice(0, 32),
    },
  };
}
