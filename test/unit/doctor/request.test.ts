import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { shellQuote } from "../../../src/core/shell-quote.ts";
import { fitsPattern } from "../../../src/core/tool-pattern.ts";
import { parseAuthorized } from "../../../src/doctor/authorized.ts";
import { catalogue, quickSet } from "../../../src/doctor/catalogue.ts";
import { applyConnectTo, parseConnectTo } from "../../../src/doctor/connect-to.ts";
import { parseExtraHeader } from "../../../src/doctor/extra-header.ts";
import { plainText } from "../../../src/doctor/plain-text.ts";
import { selectChecks } from "../../../src/doctor/selection.ts";
import { exitCodeOf, verdictOf } from "../../../src/doctor/verdict.ts";
import { fc } from "../../fakes/drawn.ts";

describe("the catalogue", () => {
  test("has ids of the form group.noun, once each, and knows every need", () => {
    const ids = catalogue.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, group, needs } of catalogue) {
      expect(id.startsWith(`${group}.`)).toBe(true);
      expect(needs.filter((need) => !ids.includes(need))).toEqual([]);
    }
    expect(quickSet.filter((id) => !catalogue.some((check) => check.id === id))).toEqual([]);
  });

  test("makes exactly three checks mandatory", () => {
    expect(catalogue.filter(({ mandatory }) => mandatory).map(({ id }) => id)).toEqual([
      "tailnet.tools",
      "public.tools",
      "separation.host-header",
    ]);
  });
});

describe("--only and --skip", () => {
  const select = (only: string[], skip: string[] = []) => [...selectChecks(catalogue, { only, skip }).selected];

  test("take ids and groups", () => {
    expect(select(["public", "tailnet.tools"])).toEqual([
      "public.address",
      "public.initialize",
      "public.tools",
      "public.call",
      "public.certificate",
      "public.flood",
      "tailnet.tools",
    ]);
    const skipped = ["public.call", "public.address", "public.flood"];
    expect(select(["public"], skipped)).toEqual(["public.initialize", "public.tools", "public.certificate"]);
  });

  test.each([
    [["separation.host-haeder"], 'did you mean "separation.host-header"?'],
    [["publik"], 'did you mean "public"?'],
    [["nonsense"], 'run "tsmcp doctor --list-checks" to see what there is'],
  ])("refuse %j", (only, hint) => {
    expect(() => select(only)).toThrow(expect.objectContaining({ code: "usage-invalid", hint }));
  });

  test("keep a mandatory check in sight", () => {
    expect(select(["public.tools", "public.call"], ["public.tools"])).toEqual(["public.tools", "public.call"]);
    expect(select([], ["separation"]).filter((id) => id.startsWith("separation"))).toEqual(["separation.host-header"]);
  });

  test("refuse to leave nothing", () => {
    expect(() => select(["public.tools"], ["public"])).toThrow(/leave no check/);
  });
});

describe("the verdict", () => {
  const check = (status: "pass" | "warn" | "fail" | "skip" | "unknown", mandatory = false) => ({ status, mandatory });

  test.each([
    { checks: [check("pass"), check("fail"), check("unknown", true)], strict: false, verdict: "fail", exit: 1 },
    { checks: [check("pass"), check("unknown", true)], strict: false, verdict: "unknown", exit: 3 },
    { checks: [check("pass"), check("skip", true)], strict: false, verdict: "unknown", exit: 3 },
    {
      checks: [check("pass", true), check("skip"), check("unknown"), check("warn")],
      strict: false,
      verdict: "pass",
      exit: 0,
    },
    { checks: [check("pass", true), check("warn")], strict: true, verdict: "fail", exit: 1 },
    { checks: [], strict: false, verdict: "pass", exit: 0 },
  ] as const)("of $checks is $verdict", ({ checks, strict, verdict, exit }) => {
    expect(verdictOf(checks, { strict })).toBe(verdict);
    expect(exitCodeOf(verdict)).toBe(exit);
  });
});

describe("--connect-to", () => {
  test.each([
    ["node.ts.net:443:127.0.0.1:8000", { address: "127.0.0.1", port: 8000 }],
    ["NODE.ts.net:443:[::1]:8000", { address: "::1", port: 8000 }],
    ["::127.0.0.1:8000", { address: "127.0.0.1", port: 8000 }],
    ["node.ts.net::127.0.0.1:", { address: "127.0.0.1", port: 443 }],
    ["node.ts.net:443::8000", { address: "node.ts.net", port: 8000 }],
    ["other.ts.net:443:127.0.0.1:8000", undefined],
    ["node.ts.net:8443:127.0.0.1:8000", undefined],
  ])("%s sends node.ts.net:443 to %j", (text, expected) => {
    expect(applyConnectTo([parseConnectTo(text)], { host: "node.ts.net", port: 443 })).toEqual(expected);
  });

  test.each(["", "a:b", "a:1:b", "a:x:b:1", "a:0:b:1", "a:1:b:65536", "a:1:b:2:3"])("refuses %j", (text) => {
    expect(() => parseConnectTo(text)).toThrow(expect.objectContaining({ code: "usage-invalid" }));
  });
});

describe("--authorized", () => {
  test.each([
    ["Node.tailnet.ts.net.", "node.tailnet.ts.net"],
    ["localhost", "localhost"],
    ["[::1]", "[::1]"],
  ])("%s is the host %s", (text, host) => {
    expect(parseAuthorized(text)).toBe(host);
  });

  test.each(["node.ts.net:443", "https://node.ts.net", "node.ts.net/mcp", "", "a b", "*"])("refuses %j", (text) => {
    expect(() => parseAuthorized(text)).toThrow(expect.objectContaining({ code: "usage-invalid" }));
  });
});

describe("--header", () => {
  test("sends the secret and shows its variable", () => {
    expect(parseExtraHeader("Authorization: Bearer ${env:TOKEN}", { TOKEN: "s3cret" })).toMatchObject({
      name: "authorization",
      value: "Bearer s3cret",
      shown: "Bearer ${TOKEN}",
    });
  });
});

describe("a pattern of tools", () => {
  test.each([
    ["read_*", "read_file", true],
    ["read_*", "unread_file", false],
    ["*", "", true],
    ["a*b*c", "abc", true],
    ["a*b*c", "acb", false],
    ["ab*ba", "aba", false],
    ["search", "search", true],
    ["search", "searches", false],
    ["*.x", "a.x", true],
    ["a.b", "axb", false],
  ])("%j fits %j: %s", (pattern, name, fits) => {
    expect(fitsPattern(pattern, name)).toBe(fits);
  });

  test("takes no exponential time over a hostile pair", () => {
    expect(fitsPattern(`${"a*".repeat(5_000)}b`, "a".repeat(20_000))).toBe(false);
  });
});

describe("what a server says", () => {
  test("is one plain line", () => {
    const hostile = "a\u001b[31mred\u001b[0m\r\nb\u202ecod\u200b\u0007\u0085\ufeff\u{e0041}";
    expect(plainText(hostile)).toBe("a[31mred[0m bcod");
    expect(plainText("x".repeat(10_000), 10)).toBe(`${"x".repeat(10)}…`);
  });
});

describe("a shell line", () => {
  test("holds any text as one word", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 40 }).filter((text) => !text.includes("\0")),
        (text) => {
          expect(execFileSync("/bin/sh", ["-c", `printf %s ${shellQuote(text)}`], { encoding: "utf8" })).toBe(text);
        },
      ),
      { numRuns: 60 },
    );
  });
});
