import { expect, test } from "vitest";
import type { CheckResult } from "../../../src/doctor/engine.ts";
import { renderText } from "../../../src/doctor/render/text.ts";
import type { DoctorReport } from "../../../src/doctor/run-doctor.ts";

const check = (changes: Partial<CheckResult>): CheckResult => ({
  id: "platform.node",
  group: "platform",
  target: null,
  title: "a title",
  status: "pass",
  mandatory: false,
  durationMs: 1,
  message: "well",
  facts: {},
  reproduce: null,
  hint: null,
  docs: "https://example.com",
  ...changes,
});

const report: DoctorReport = {
  version: 1,
  verdict: "fail",
  vantage: "auto",
  durationMs: 1234,
  requests: 57,
  targets: [
    {
      name: "notes",
      tailnetUrl: "https://node.ts.net:8443/mcp",
      publicUrl: "https://node.ts.net/mcp",
      derived: "public",
    },
  ],
  checks: [
    check({ message: "Node.js 20.20.2" }),
    check({
      id: "tailnet.tools",
      group: "tailnet",
      target: "notes",
      status: "skip",
      message: "needs tailnet.dial: refused",
      facts: { need: "tailnet.dial" },
      hint: "switch Serve on",
    }),
    check({
      id: "tailnet.call",
      group: "tailnet",
      target: "notes",
      status: "skip",
      message: "needs tailnet.dial: refused",
      facts: { need: "tailnet.dial" },
      hint: "switch Serve on",
    }),
    check({
      id: "public.initialize",
      group: "public",
      target: "notes",
      status: "warn",
      message: "refused",
      hint: "answer it",
    }),
    check({
      id: "public.address",
      group: "public",
      target: "notes",
      status: "unknown",
      message: "no way out",
      hint: "go there",
    }),
    check({
      id: "separation.host-header",
      group: "separation",
      target: "notes",
      status: "fail",
      mandatory: true,
      message: "the internet sees 1 tool when it sends Host: node.ts.net:8443",
      facts: { why: "because." },
      reproduce: "curl https://node.ts.net/mcp",
      hint: "mend it",
    }),
  ],
};

test("the text of a report is worst first, says what to do, and tells one cause once", () => {
  expect(renderText(report, { color: false, detail: "normal" })).toBe(
    `notes: tailnet https://node.ts.net:8443/mcp, public https://node.ts.net/mcp (derived)

FAIL separation.host-header: the internet sees 1 tool when it sends Host: node.ts.net:8443
       why:   because.
       try:   curl https://node.ts.net/mcp
       do:    mend it
???? public.address: no way out
       do:    go there
WARN public.initialize: refused
       do:    answer it
skip tailnet.tools, tailnet.call: needs tailnet.dial: refused
       do:    switch Serve on
ok   platform: node

fail: 1 failed, 1 could not tell, 1 to look at, 2 skipped, 1 passed; 57 requests in 1.2 s
`,
  );
});

test("the text names a need that stands above without its reason, and of many skipped checks only some", () => {
  const need = { need: "tailnet.dial", found: "fail" };
  const skipped = Array.from({ length: 6 }, (_, at) =>
    check({
      id: `tailnet.n${at}`,
      group: "tailnet",
      status: "skip",
      message: "needs tailnet.dial: refused",
      facts: need,
    }),
  );
  const tools = { ...skipped[0], id: "tailnet.tools", mandatory: true } as const;
  const dial = check({
    id: "tailnet.dial",
    group: "tailnet",
    status: "fail",
    message: "refused",
    hint: "switch Serve on",
  });
  const idle = check({ id: "proxy.python", group: "proxy", status: "skip", message: "no SOCKS proxy is exported" });
  const passed = check({ id: "public.tools", group: "public", mandatory: true, message: "no tools" });
  const told = {
    ...report,
    targets: [],
    checks: [dial, ...skipped, check({ ...tools, id: "tailnet.tools" }), idle, passed],
  };
  expect(renderText(told, { color: false, detail: "normal" })).toBe(`FAIL tailnet.dial: refused
       do:    switch Serve on
skip tailnet.tools, tailnet.n0, tailnet.n1, tailnet.n2 and 3 more: needs tailnet.dial
ok   public.tools: no tools

fail: 1 failed, 8 skipped, 1 passed; 57 requests in 1.2 s
`);
  const verbose = renderText(told, { color: false, detail: "verbose" });
  expect(verbose).toContain("tailnet.n5: needs tailnet.dial\n");
  expect(verbose).toContain("skip proxy.python: no SOCKS proxy is exported\n");
});

test("the text is short when it is to be quiet, and names the server where there are several", () => {
  const [target] = report.targets;
  if (target === undefined) throw new Error("no target");
  const two = { ...report, targets: [target, { ...target, name: "wiki" }] };
  expect(renderText(two, { color: false, detail: "quiet" }).split("\n")[0]).toBe(
    "FAIL separation.host-header [notes]: the internet sees 1 tool when it sends Host: node.ts.net:8443",
  );
  expect(renderText({ ...report, checks: [], verdict: "pass" }, { color: false, detail: "quiet" })).toBe("");
});

test("the text has no control characters, whatever a server said, but those of our own colours", () => {
  const hostile = { ...report, checks: [check({ status: "fail", message: "a\u001b[2J\nFAIL forged\u202e" })] };
  expect(renderText(hostile, { color: false, detail: "normal" })).toContain("FAIL platform.node: a[2J FAIL forged\n");
  expect(renderText(hostile, { color: true, detail: "normal" })).toContain(
    "\u001b[31mFAIL\u001b[0m platform.node: a[2J",
  );
});
