import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { binDir } from "./tsmcp.ts";

/**
 * The client scenarios of the official suite: the suite's server on one side, the official SDK's client on the other, and
 * the bridge between them.
 */
const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const suite = at("node_modules/@modelcontextprotocol/conformance/dist/index.js");
const client = at("test/peers/conformance-client.ts");
// The suite itself needs a newer Node than the bridge.
const node22 = at("test/nodes/node_modules/node-22/bin/node");

const scenarios = [
  ["2025-11-25", "initialize"],
  ["2025-11-25", "tools_call"],
  ["2025-11-25", "elicitation-sep1034-client-defaults"],
  ["2025-11-25", "sse-retry"],
  ["2025-11-25", "json-schema-2020-12-preservation"],
  ["2026-07-28", "tools_call"],
  ["2026-07-28", "request-metadata"],
  ["2026-07-28", "sep-2322-client-request-state"],
  ["2026-07-28", "http-standard-headers"],
  ["2026-07-28", "http-custom-headers"],
  ["2026-07-28", "http-invalid-tool-headers"],
  ["2026-07-28", "json-schema-ref-no-deref"],
  ["2026-07-28", "json-schema-2020-12-preservation"],
] as const;

/** What the bridge cannot pass, and one of each to see that it still fails: what passes belongs above. */
const beyond = [
  {
    which: /^auth\//,
    reason: "OAuth, which the bridge does not speak: the tailnet tells who calls, or --header does",
    example: ["2025-11-25", "auth/metadata-default"],
  },
  {
    which: /^sep-2640-/,
    reason: "skills, which are the client's to fetch and to check: the bridge only carries what it asks",
    example: [undefined, "sep-2640-client-verify-digest"],
  },
] as const;

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(temporaryBase(), "tsmcp-conformance-"));
});

afterAll(() => rmSync(directory, { recursive: true }));

describe.skipIf(!existsSync(node22))("the conformance suite's client scenarios", () => {
  it("are all tried, or beyond the bridge for a reason", async () => {
    const listed = [...(await run(["list", "--client"])).matchAll(/^ +- (\S+) \[/gm)].map(([, name = ""]) => name);
    expect(listed).toContain("sse-retry");
    const tried = new Set<string>(scenarios.map(([, name]) => name));
    expect(listed.filter((name) => !tried.has(name) && !beyond.some(({ which }) => which.test(name)))).toEqual([]);
  });

  it.each(beyond)("still do not pass $example.1 ($reason)", async ({ example: [version, scenario] }) => {
    const { checks, said } = await play(version, scenario);
    const verdicts = new Set(checks.map(({ status }) => status).filter((status) => status !== "INFO"));
    // Where the client never asks for what is judged, the suite judges nothing.
    expect([["FAILURE"], ["SKIPPED"]], said).toContainEqual([...verdicts]);
  });

  it.each(scenarios)("of %s: the bridge passes %s", async (version, scenario) => {
    const { checks, said } = await play(version, scenario);
    expect(checks.filter(({ status }) => status === "SUCCESS").length, said).toBeGreaterThan(0);
    expect(checks.filter(({ status }) => status === "FAILURE" || status === "WARNING")).toEqual([]);
  });
});

async function play(
  version: string | undefined,
  scenario: string,
): Promise<{ checks: readonly Check[]; said: string }> {
  const output = join(directory, `${version}-${scenario.replace("/", "-")}`);
  const bridge = `${process.execPath} ${join(binDir, "tsmcp")} bridge --verbose`;
  const command = `${process.execPath} --import tsx ${client} ${bridge}`;
  const said = await run([
    ...["client", "--scenario", scenario, ...(version === undefined ? [] : ["--spec-version", version])],
    ...["--timeout", "120000", "--command", command, "--output-dir", output],
  ]);
  return { checks: checksIn(output), said };
}

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

function checksIn(output: string): Check[] {
  return readdirSync(output, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("checks.json"))
    .flatMap((name) => JSON.parse(readFileSync(join(output, name), "utf8")));
}

/** Returns what the suite printed; the checks it wrote say how it went. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, HOME: directory };
    execFile(node22, [suite, ...args], { cwd: at("."), env, timeout: 150_000 }, (_error, stdout, stderr) =>
      resolve(`${stdout}${stderr}`),
    );
  });
}
