import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { agentClis, binOf, node22, whatMisses } from "../peers/agent-clis.ts";
import { binDir, tsmcp } from "./tsmcp.ts";

const url = "https://node.tailnet.ts.net:8443/mcp?a=1&b='2'";

let root = "";
let workspace = "";
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-init-")));
  workspace = join(root, "work");
  mkdirSync(workspace);
});
afterEach(() => rmSync(root, { recursive: true }));

async function init(what: string, ...options: string[]): Promise<string> {
  const env = { HOME: root, PATH: process.env.PATH ?? "" };
  const outcome = await tsmcp(["init", what, "--server", `notes=${url}`, ...options], { workspace, env });
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  return outcome.stdout;
}

function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; input?: string; env?: NodeJS.ProcessEnv },
) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", ...options });
  return { status, output: stdout + stderr };
}
const read = (path: string): string => readFileSync(join(workspace, path), "utf8");

test.each([
  ["github-actions", "tsmcp.yml"],
  ["copilot", "copilot-setup-steps.yml"],
])(
  "actionlint, with ShellCheck, finds nothing in the workflow of init %s",
  async (what, file) => {
    await init(what);
    run("git", ["init", "-q"], { cwd: workspace });
    // Its module is beside it, so that its version is locked; -n builds it and tells where it is.
    const cwd = fileURLToPath(new URL("../actionlint", import.meta.url));
    const { stdout } = spawnSync("go", ["tool", "-n", "actionlint"], { cwd, encoding: "utf8" });
    const program = stdout.trim();
    expect(run(program, [`.github/workflows/${file}`], { cwd: workspace })).toEqual({ status: 0, output: "" });
  },
  600_000,
);

test.each<[string, () => readonly string[]]>([
  ["claude", () => [read(".claude/hooks/tsmcp-session-start.sh")]],
  ["codex", () => []],
  ["cursor", () => [JSON.parse(read(".cursor/environment.json"))].flatMap(({ install, start }) => [install, start])],
  [
    "codespaces",
    () => {
      const { postCreateCommand, postStartCommand } = JSON.parse(read(".devcontainer/devcontainer.json"));
      return [postCreateCommand.tsmcp, postStartCommand.tsmcp];
    },
  ],
  [
    "gitlab-ci",
    () => {
      const { script, after_script } = parseYaml(read(".gitlab/tsmcp.yml"))["tsmcp-doctor"];
      return [[...script, ...after_script].join("\n")];
    },
  ],
  [
    "github-actions",
    () => {
      const steps: { run?: string }[] = parseYaml(read(".github/actions/tsmcp/action.yml")).runs.steps;
      return steps.flatMap((step) => step.run ?? []);
    },
  ],
])("ShellCheck finds nothing in what init %s lets a shell run", async (what, scripts) => {
  const printed = await init(what);
  const pasted = printed.slice(printed.indexOf("#!/bin/sh"));
  const all = [...scripts(), ...(printed.includes("#!/bin/sh") ? [pasted] : [])];
  expect(all.length).toBeGreaterThan(0);
  for (const script of all) {
    expect(run("shellcheck", ["--shell=sh", "-"], { input: script })).toEqual({ status: 0, output: "" });
    expect(script).not.toMatch(/@[A-Z_]+@/);
  }
});

test.for(agentClis)("$name lists the server that init $dialect wrote", { timeout: 60_000 }, async (cli, context) => {
  const { dialect, configure, env } = cli;
  const missing = whatMisses(cli);
  context.skip(missing !== undefined, missing);
  await init(dialect);
  run("git", ["init", "-q"], { cwd: workspace });
  configure({ home: root, modelUrl: "http://127.0.0.1:9", workspace });
  const place = { PATH: `${dirname(node22)}:${binDir}:/usr/bin:/bin`, HOME: root, ...env("http://127.0.0.1:9") };
  const listed = run(binOf(cli), ["mcp", "list"], { cwd: workspace, env: place });
  expect(listed).toMatchObject({ status: 0, output: expect.stringMatching(/\bnotes\b/) });
});
