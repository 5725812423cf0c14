import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { agentClis, binOf, node22, whatMisses } from "../peers/agent-clis.ts";
import { startGate } from "../peers/gates/mcp-server.ts";
import { startStubModel } from "../peers/stub-model.ts";
import { type Everything, startEverything } from "../tailnet/harness/everything.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { binDir, type Machine, machineOn, type Outcome, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;
let server: TailnetNode;
let everything: Everything;
let nothing: Awaited<ReturnType<typeof startGate>>;
let url = "";
const machines: Machine[] = [];

beforeAll(async () => {
  tailnet = await startTailnet();
  [everything, nothing] = await Promise.all([startEverything(tailnet), startGate({ gate: () => false })]);
  server = await tailnet.startNode({ hostname: "tools", tags: ["tag:server"] });
  await server.serve({ port: 8443, target: everything.url });
  await server.funnel({ port: 443, target: `http://127.0.0.1:${nothing.port}` });
  url = `https://${server.dnsName}:8443/mcp`;
});

afterAll(async () => {
  for (const machine of machines) await tsmcp(["down"], machine);
  await everything?.close();
  await nothing?.[Symbol.asyncDispose]();
  expect(await tailnet?.close()).toEqual([]);
});

/** A machine with an empty repository, and the programs that an image has: git, node, and tsmcp as if npm had installed it. */
async function newMachine(): Promise<Machine> {
  const machine = machineOn(tailnet);
  machines.push(machine);
  const programs = join(machine.home, "bin");
  mkdirSync(programs);
  const program = (name: string, script: string): void => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(programs, name), 0o755);
  };
  const ca = `NODE_EXTRA_CA_CERTS='${tailnet.caFile}'`;
  program("tsmcp", `export ${ca}\nexec '${process.execPath}' '${join(binDir, "tsmcp")}' "$@"`);
  program("npm", '[ "$*" = "install --global tsmcp" ] || [ "$*" = "install --global --silent tsmcp" ]');
  const env = {
    ...machine.env,
    PATH: `${programs}:${machine.env.PATH}`,
    TSMCP_CONNECT_TO: tailnet.connectTo(server.dnsName).join(","),
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "user.name",
    GIT_CONFIG_VALUE_0: "somebody",
    GIT_CONFIG_KEY_1: "user.email",
    GIT_CONFIG_VALUE_1: "somebody@example.com",
  };
  await run({ ...machine, env }, "git", ["init", "-q"]);
  return { ...machine, env };
}

/** Runs a program in the workspace to its end. */
function run(
  { workspace, env }: Machine,
  command: string,
  args: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<Pick<Outcome, "exitCode" | "stdout" | "stderr">> {
  const child = spawn(command, args, { cwd: workspace, env: { ...env, ...extra }, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, ...texts }));
  });
}

const read = (machine: Machine, path: string): string => readFileSync(join(machine.workspace, path), "utf8");
const key = async (): Promise<Record<string, string>> => ({
  TS_AUTHKEY: await tailnet.createKey({ tags: ["tag:agent"], ephemeral: true }),
});

/** `tsmcp init WHAT` and a commit; returns what was printed. */
async function initAndCommit(machine: Machine, what: string): Promise<string> {
  const init = await run(machine, "tsmcp", ["init", what, "--server", `notes=${url}`]);
  expect(init).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await run(machine, "git", ["add", "-A"])).toMatchObject({ exitCode: 0 });
  expect(await run(machine, "git", ["commit", "-qm", "tsmcp"])).toMatchObject({ exitCode: 0 });
  return init.stdout;
}

async function expectCleanTree(machine: Machine): Promise<void> {
  expect(await run(machine, "git", ["status", "--porcelain"])).toMatchObject({ exitCode: 0, stdout: "" });
}

describe("from an empty repository", () => {
  test("Cursor's VM gets the tools by the committed files, and the working tree stays clean", async () => {
    const machine = await newMachine();
    await initAndCommit(machine, "cursor");
    const { start } = JSON.parse(read(machine, ".cursor/environment.json"));
    const boot = await run(machine, "sh", ["-c", start], await key());
    expect(boot, boot.stderr).toMatchObject({ exitCode: 0 });
    expect(boot.stderr).toContain("agent-config: kept (notes is in .cursor/mcp.json)");
    const { command, args } = JSON.parse(read(machine, ".cursor/mcp.json")).mcpServers.notes;
    const client = new Client({ name: "cursor", version: "1" });
    const { PATH = "", HOME = "" } = machine.env;
    await client.connect(new StdioClientTransport({ command, args, cwd: machine.workspace, env: { PATH, HOME } }));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    expect(await client.callTool({ name: "echo", arguments: { message: "hello" } })).toMatchObject({
      content: [{ text: "Echo: hello" }],
    });
    await client.close();
    await expectCleanTree(machine);
  });

  /** What each platform runs when its machine starts. */
  const boots: Readonly<Record<string, (machine: Machine, printed: string) => Parameters<typeof run>>> = {
    claude(machine) {
      const settings = JSON.parse(read(machine, ".claude/settings.json"));
      const [{ command }] = settings.hooks.SessionStart[0].hooks;
      const session = { CLAUDE_CODE_REMOTE: "true", CLAUDE_PROJECT_DIR: machine.workspace };
      return [machine, "sh", ["-c", command], session];
    },
    codex: (machine, printed) => [machine, "sh", ["-c", printed.slice(printed.indexOf("#!/bin/sh"))]],
    gemini: (machine) => [machine, "tsmcp", ["up", "--server", `notes=${url}`, "--agent", "gemini"]],
    "copilot-cli": (machine) => [machine, "tsmcp", ["up", "--server", `notes=${url}`, "--agent", "copilot-cli"]],
  };

  test.for(agentClis)(
    "$name calls a tool by the committed files, and the working tree stays clean",
    { timeout: 120_000 },
    async (cli, context) => {
      const missing = whatMisses(cli);
      context.skip(missing !== undefined, missing);
      const machine = await newMachine();
      const printed = await initAndCommit(machine, cli.dialect);
      const [place, command, args, extra] = boots[cli.dialect]?.(machine, printed) ?? [machine, "false", []];
      const boot = await run(place, command, args, { ...extra, ...(await key()) });
      expect(boot, boot.stderr).toMatchObject({ exitCode: 0, stdout: expect.not.stringContaining("could not") });
      const heard = { echoed: false };
      await using model = await startStubModel(async ({ tools, text }) => {
        heard.echoed ||= text.includes("Echo: hello");
        if (heard.echoed) return undefined;
        const echo = tools.find((name) => /notes(__|[/_-])echo$/.test(name));
        return echo === undefined ? cli.idleTool : { name: echo, arguments: { message: "hello" } };
      });
      cli.configure({ home: machine.home, modelUrl: model.url, workspace: machine.workspace });
      const PATH = `${dirname(node22)}:${machine.env.PATH}`;
      const said = await run(machine, "timeout", ["100", binOf(cli), ...cli.args], { ...cli.env(model.url), PATH });
      expect(heard, said.stdout + said.stderr).toEqual({ echoed: true });
      await expectCleanTree(machine);
    },
  );

  test("a job of GitHub Actions joins, proves both sides and leaves, and without a key says that it skipped", async () => {
    const machine = await newMachine();
    await initAndCommit(machine, "github-actions");
    const action: { runs: { steps: { run?: string }[] } } = parseYaml(
      read(machine, ".github/actions/tsmcp/action.yml"),
    );
    const workflow: { jobs: { doctor: { steps: { run?: string }[] } } } = parseYaml(
      read(machine, ".github/workflows/tsmcp.yml"),
    );
    const files = Object.fromEntries(
      ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"].map((name) => [name, join(machine.home, name)]),
    );
    for (const file of Object.values(files)) writeFileSync(file, "");
    const step = (script: string, extra: Record<string, string>) =>
      run(machine, "bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
        ...files,
        RUNNER_TEMP: machine.home,
        CI: "true",
        ...extra,
      });
    const [join_ = ""] = action.runs.steps.flatMap((one) => one.run ?? []);
    const [look = "", leave = ""] = workflow.jobs.doctor.steps.flatMap((one) => one.run ?? []);

    const skipped = await step(join_, { TS_AUTHKEY: "" });
    expect(skipped).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("::notice title=tsmcp::skipped") });
    expect(readFileSync(files.GITHUB_OUTPUT ?? "", "utf8")).toBe("joined=false\n");

    const joined = await step(join_, await key());
    expect(joined, joined.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(files.GITHUB_OUTPUT ?? "", "utf8")).toBe("joined=false\njoined=true\n");
    expect(readFileSync(files.GITHUB_ENV ?? "", "utf8")).toContain("TSMCP_PROXY");
    const looked = await step(look, {});
    expect(looked, looked.stdout + looked.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(files.GITHUB_STEP_SUMMARY ?? "", "utf8")).toContain("tsmcp doctor");
    expect(readFileSync(join(machine.home, "tsmcp/junit.xml"), "utf8")).toContain('name="public.tools');
    expect(JSON.parse(readFileSync(join(machine.home, "tsmcp/doctor.sarif"), "utf8"))).toMatchObject({
      version: "2.1.0",
    });
    expect(await step(leave, {})).toMatchObject({ exitCode: 0 });
    await expectCleanTree(machine);
  });
});
