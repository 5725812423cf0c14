import { catalogue } from "../../../src/doctor/catalogue.ts";
import type { CheckResult } from "../../../src/doctor/engine.ts";
import type { Reporting } from "../../../src/doctor/report/reporting.ts";
import type { DoctorReport } from "../../../src/doctor/run-doctor.ts";

/** Returns a result of a check of the catalogue, passed unless told otherwise. */
export function resultOf(id: CheckResult["id"], changes: Partial<CheckResult> = {}): CheckResult {
  const check = catalogue.find((candidate) => candidate.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  return {
    id,
    group: check.group,
    target: check.subject === "target" ? "notes" : null,
    title: check.title,
    status: "pass",
    mandatory: check.mandatory === true,
    durationMs: 12,
    message: "well",
    facts: {},
    reproduce: null,
    hint: null,
    docs: check.source,
    ...changes,
  };
}

/** What a run may bring: one of every status, on both sides. */
export const sampleChecks: readonly CheckResult[] = [
  resultOf("platform.node", { message: "Node.js 22.23.3" }),
  resultOf("platform.key", { status: "warn", message: "a key lies open to the agent: TS_AUTHKEY", hint: "hide it" }),
  resultOf("tailscale.state", { message: "vm.tailnet.ts.net is Running" }),
  resultOf("proxy.connect", { message: "http://127.0.0.1:1055 reaches 100.64.0.3:41112" }),
  resultOf("tailnet.grants", {
    status: "fail",
    message: "the server's node is up, and does not let tag:agent in at node.tailnet.ts.net:8443",
    reproduce: "curl -sS -m 10 -x 'http://127.0.0.1:1055' 'https://node.tailnet.ts.net:8443/'",
    hint: "grant tag:agent tcp:8443 on the server",
  }),
  resultOf("tailnet.tools", { status: "skip", message: "needs tailnet.grants", facts: { need: "tailnet.grants" } }),
  resultOf("public.address", { status: "unknown", message: "no public resolver answers" }),
  resultOf("public.tools", { message: "no tools", facts: { tools: 0, names: [] } }),
  resultOf("separation.host-header", {
    status: "fail",
    message: "the internet sees 2 tools when it sends Host: node.tailnet.ts.net:8443",
    facts: { why: "tailscaled copies the client's own Host", names: ["search", "read_file"] },
    reproduce: "curl -sS 'https://node.tailnet.ts.net/mcp' -H 'Host: node.tailnet.ts.net:8443'",
    hint: "give each exposure a listener of its own",
  }),
];

/** Returns a report of these checks, and what it is shown with. */
export function reportingOf(checks: readonly CheckResult[], changes: Partial<DoctorReport> = {}): Reporting {
  const report: DoctorReport = {
    version: 1,
    verdict: "fail",
    vantage: "auto",
    durationMs: 1_234,
    requests: 57,
    targets: [
      {
        name: "notes",
        tailnetUrl: "https://node.tailnet.ts.net:8443/mcp",
        publicUrl: "https://node.tailnet.ts.net/mcp",
        derived: "public",
      },
    ],
    checks,
    ...changes,
  };
  return {
    report,
    catalogue,
    strict: false,
    places: new Map([["notes", { file: "tsmcp.config.json", line: 3, column: 5 }]]),
    fallback: { file: "tsmcp.config.json", line: 1, column: 1 },
    startedAt: new Date("2026-11-21T12:00:00Z"),
  };
}
