import { expect, test } from "vitest";
import { judgeProof, openedAt } from "../../../src/cli/expose-proof.ts";
import type { CheckId, Group, Status } from "../../../src/doctor/check.ts";
import type { CheckResult } from "../../../src/doctor/engine.ts";

function check(id: CheckId, status: Status, mandatory = false): CheckResult {
  const [group] = id.split(".") as [Group];
  const more = { durationMs: 1, facts: {}, reproduce: null, hint: null, docs: "", target: null, title: "" };
  return { id, group, status, mandatory, message: `${id} is ${status}`, ...more };
}

const sound = [
  check("tailnet.tools", "pass", true),
  check("public.initialize", "pass"),
  check("public.tools", "pass", true),
  check("separation.host-header", "pass", true),
  check("separation.ports", "pass"),
];
const but = (...changed: CheckResult[]): CheckResult[] => [
  ...sound.filter(({ id }) => !changed.some((one) => one.id === id)),
  ...changed,
];
type Known = Parameters<typeof judgeProof>[1];
const known: Known = { outOfReach: undefined, funnel: true, isOpen: false };

test.each<[string, readonly CheckResult[], Partial<Known>, string, string]>([
  ["all is well", sound, {}, "pass", "the internet sees no tool, 2 kinds of attack got nothing"],
  ["a tool was opened", sound, { isOpen: true }, "pass", "the internet sees only what was opened to it"],
  ["there is no Funnel", sound.slice(0, 1), { funnel: false }, "pass", "the internet has no view"],
  ["an attack got in", but(check("separation.ports", "fail")), {}, "fail", "separation.ports is fail"],
  [
    "a failure is beside what is not known",
    but(check("public.tools", "unknown", true), check("separation.paths", "fail")),
    {},
    "fail",
    "separation.paths",
  ],
  [
    "a mandatory check cannot tell",
    but(check("public.tools", "unknown", true)),
    {},
    "unknown",
    "public.tools is unknown",
  ],
  [
    "a mandatory check was skipped",
    but(check("separation.host-header", "skip", true)),
    {},
    "unknown",
    "separation.host-header",
  ],
  // Nobody there is no empty view: what opens later was never looked at.
  ["the public side is closed", but(check("public.initialize", "warn")), {}, "unknown", "public.initialize is warn"],
  ["only the public side can be seen", sound.slice(1), { outOfReach: "no way" }, "unknown", "own node: no way"],
  [
    "something got in that can be seen",
    but(check("public.tools", "fail", true)),
    { outOfReach: "no way" },
    "fail",
    "public.tools",
  ],
  ["nothing can be seen", [], { outOfReach: "no way", funnel: false }, "unknown", "own node: no way"],
])("the proof when %s", (_when, checks, changed, verdict, detail) => {
  expect(judgeProof(checks, { ...known, ...changed })).toMatchObject({
    verdict,
    detail: expect.stringContaining(detail),
  });
});

test("what is worth a word is told in the order of the checks, and what passes is not", () => {
  const { findings } = judgeProof(but(check("public.flood", "warn"), check("separation.paths", "unknown")), known);
  expect(findings.map(({ id, status }) => [id, status])).toEqual([
    ["public.flood", "warn"],
    ["separation.paths", "unknown"],
  ]);
});

test.each([
  ["https://n.ts.net:8443/mcp/notes", ["search"]],
  ["https://n.ts.net:8443/mcp/wiki", ["read"]],
  ["https://n.ts.net:8443/mcp/other", []],
  ["https://n.ts.net:8443/mcp", ["search", "read"]],
])("the internet may see at %s what was opened of that upstream", (url, expected) => {
  expect(openedAt(url, ["notes/search", "wiki/read"])).toEqual(expected);
});
