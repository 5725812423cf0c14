import { chownSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { type AgentCli, agentClis, node22, whatMisses } from "../peers/agent-clis.ts";
import { startGate } from "../peers/gates/mcp-server.ts";
import { startStubModel } from "../peers/stub-model.ts";
import { type Everything, startEverything } from "../tailnet/harness/everything.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { addProgram, createPoorMachine, nobody, noPoorMachine, type PoorMachine } from "./poor-machine.ts";
import { machineOn, type Outcome, startProgram, tsmcp } from "./tsmcp.ts";

const agentsFolder = fileURLToPath(new URL("../peers/agents/node_modules", import.meta.url));
let tailnet: Tailnet;
let server: TailnetNode;
let everything: Everything;
let nothing: Awaited<ReturnType<typeof startGate>>;
let url = "";

beforeAll(async () => {
  tailnet = await startTailnet();
  [everything, nothing] = await Promise.all([startEverything(tailnet), startGate({ gate: () => false })]);
  server = await tailnet.startNode({ hostname: "tools", tags: ["tag:server"] });
  await server.serve({ port: 8443, target: everything.url });
  await server.funnel({ port: 443, target: `http://127.0.0.1:${nothing.port}` });
  url = `https://${server.dnsName}:8443/mcp`;
});

afterAll(async () => {
  await everything?.close();
  await nothing?.[Symbol.asyncDispose]();
  expect(await tailnet?.close()).toEqual([]);
});

/** A repository in which somebody typed `tsmcp init WHAT` and committed, checked out on the poorest machine. */
interface Checkout extends PoorMachine {
  readonly workspace: string;
  /** What init printed. */
  readonly printed: string;
  readonly read: (path: string) => string;
  /** Runs a program in the workspace. */
  readonly there: (argv: readonly string[], extra?: Readonly<Record<string, string>>) => Promise<Outcome>;
  readonly expectClean: () => Promise<void>;
}

async function checkout(what: string): Promise<Checkout> {
  const desk = machineOn(tailnet);
  const git = (...args: readonly string[]): Promise<Outcome> =>
    startProgram("git", ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com", ...args], desk).outcome;
  expect(await git("init", "-q")).toMatchObject({ exitCode: 0 });
  const init = await tsmcp(["init", what, "--server", `notes=${url}`], desk);
  expect(init).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await git("add", "-A")).toMatchObject({ exitCode: 0 });
  expect(await git("commit", "-qm", "MCP over the tailnet")).toMatchObject({ exitCode: 0 });

  const machine = await createPoorMachine(tailnet);
  const workspace = join(machine.home, "work");
  expect(await git("clone", "-q", desk.workspace, workspace)).toMatchObject({ exitCode: 0 });
  giveAway(machine.home);
  cpSync(tailnet.caFile, join(machine.root, "ca.pem"));
  const ca = `NODE_EXTRA_CA_CERTS='${join(machine.root, "ca.pem")}'`;
  addProgram(machine, "tsmcp", `export ${ca}\nexec '${join(machine.bin, "node")}' '${machine.launcher}' "$@"`);
  addProgram(machine, "npm", '[ "$*" = "install --global tsmcp" ] || [ "$*" = "install --global --silent tsmcp" ]');
  const there = (argv: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    machine.run(["/usr/bin/env", "-C", workspace, ...argv], {
      TSMCP_CONNECT_TO: tailnet.connectTo(server.dnsName).join(","),
      ...extra,
    });
  onTestFinished(async () => void (await there(["tsmcp", "down"])));
  return {
    ...machine,
    workspace,
    printed: init.stdout,
    read: (path) => readFileSync(join(workspace, path), "utf8"),
    there,
    async expectClean() {
      const status = await git("-c", "safe.directory=*", "-C", workspace, "status", "--porcelain");
      expect(status).toMatchObject({ exitCode: 0, stdout: "" });
    },
  };
}

function giveAway(directory: string): void {
  chownSync(directory, nobody, nobody);
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }))
    chownSync(join(directory, name), nobody, nobody);
}

const key = async (): Promise<Record<string, string>> => ({
  TS_AUTHKEY: await tailnet.createKey({ tags: ["tag:agent"], ephemeral: true }),
});

describe.skipIf(noPoorMachine !== undefined)("from an empty repository to tools on the poorest machine", () => {
  test("Cursor: its start command, and the official client that starts the entry as the file says", async () => {
    const { read, there, words, bin, home, workspace, expectClean } = await checkout("cursor");
    const { install, start } = JSON.parse(read(".cursor/environment.json"));
    expect(await there(["sh", "-c", install])).toMatchObject({ exitCode: 0 });
    const boot = await there(["sh", "-c", start], await key());
    expect(boot, boot.stderr).toMatchObject({ exitCode: 0 });
    expect(boot.stderr).toContain("agent-config: kept (notes is in .cursor/mcp.json)");
    const { command, args } = JSON.parse(read(".cursor/mcp.json")).mcpServers.notes;
    const [unshare = "", ...rest] = words([command, ...args], { PATH: bin, HOME: home });
    const client = new Client({ name: "cursor", version: "1" });
    await client.connect(new StdioClientTransport({ command: unshare, args: [...rest], cwd: workspace }));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    expect(await client.callTool({ name: "echo", arguments: { message: "hello" } })).toMatchObject({
      content: [{ text: "Echo: hello" }],
    });
    await client.close();
    await expectClean();
  });

  /** What the platform runs when its machine starts, and what it adds to the environment. */
  const boots: Readonly<Record<string, (machine: Checkout) => readonly [string, Readonly<Record<string, string>>]>> = {
    claude({ read, workspace }) {
      const [{ command }] = JSON.parse(read(".claude/settings.json")).hooks.SessionStart[0].hooks;
      return [command, { CLAUDE_CODE_REMOTE: "true", CLAUDE_PROJECT_DIR: workspace }];
    },
    codex: ({ printed }) => [printed.slice(printed.indexOf("#!/bin/sh")), {}],
    gemini: () => [`tsmcp up --server 'notes=${url}' --agent gemini`, {}],
    "copilot-cli": () => [`tsmcp up --server 'notes=${url}' --agent copilot-cli`, {}],
  };

  test.for(agentClis)(
    "$name: what its machine runs at its start, and the program itself, which lists the server and calls a tool",
    { timeout: 180_000 },
    async (cli, context) => {
      const missing = whatMisses(cli);
      context.skip(missing !== undefined, missing);
      const machine = await checkout(cli.dialect);
      const [script = "false", extra] = boots[cli.dialect]?.(machine) ?? [];
      const boot = await machine.there(["sh", "-c", script], { ...extra, ...(await key()) });
      expect(boot, boot.stderr).toMatchObject({ exitCode: 0, stdout: expect.not.stringContaining("could not") });
      const heard = { echoed: false };
      await using model = await startStubModel(async ({ tools, text }) => {
        heard.echoed ||= text.includes("Echo: hello");
        if (heard.echoed) return undefined;
        const echo = tools.find((name) => /notes(__|[/_-])echo$/.test(name));
        return echo === undefined ? cli.idleTool : { name: echo, arguments: { message: "hello" } };
      });
      const start = showAgent(machine, cli, model.url);
      // Copilot's list says nothing of whether a server could be started, and Codex's nothing but that it would be.
      if (cli.dialect !== "copilot-cli") {
        const { stdout, stderr } = await start(["mcp", "list"]);
        expect(stdout + stderr).toMatch(cli.dialect === "codex" ? /^notes\b.*\benabled\b/m : /\bnotes: .*Connected/);
      }
      const said = await start(cli.args);
      expect(heard, said.stdout + said.stderr).toEqual({ echoed: true });
      await machine.expectClean();
    },
  );

  /** What these platforms run in the checkout, one after the other, before anything of the repository's own. */
  const scripts: Readonly<Record<string, (machine: Checkout) => readonly string[]>> = {
    "gitlab-ci"({ read }) {
      const { script, after_script } = parseYaml(read(".gitlab/tsmcp.yml"))["tsmcp-doctor"];
      return [[...script, "tsmcp tools"].join("\n"), after_script.join("\n")];
    },
    codespaces({ read }) {
      const { postCreateCommand, postStartCommand } = JSON.parse(read(".devcontainer/devcontainer.json"));
      return [postCreateCommand.tsmcp, `${postStartCommand.tsmcp}; tsmcp tools`];
    },
    copilot({ read }) {
      const { steps }: Steps = parseYaml(read(".github/workflows/copilot-setup-steps.yml")).jobs["copilot-setup-steps"];
      return [...steps.flatMap((step) => step.run ?? []), "tsmcp tools"];
    },
  };

  test.each(Object.keys(scripts))("%s: its commands, after which the tools are there", async (what) => {
    const machine = await checkout(what);
    const env = { CI: "true", TSMCP_SERVER: url, ...(await key()) };
    const outcomes: Outcome[] = [];
    for (const script of scripts[what]?.(machine) ?? [])
      outcomes.push(await machine.there(["sh", "-e", "-c", script], env));
    expect(outcomes.map(({ exitCode, stderr }) => (exitCode === 0 ? "" : stderr))).toEqual(outcomes.map(() => ""));
    expect(outcomes.map(({ stdout }) => stdout).join("")).toMatch(/\becho\b/);
    // GitLab takes a report out of the checkout itself.
    if (what === "gitlab-ci") expect(machine.read("tsmcp-doctor.xml")).toContain('name="public.tools');
    else await machine.expectClean();
  });

  test("GitHub Actions: the steps of the action and of the workflow, without a key and with one", async () => {
    const { read, there, home, expectClean } = await checkout("github-actions");
    const action: { runs: Steps } = parseYaml(read(".github/actions/tsmcp/action.yml"));
    const workflow: { jobs: { doctor: Steps & { defaults: object } } } = parseYaml(read(".github/workflows/tsmcp.yml"));
    const files = Object.fromEntries(
      ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"].map((name) => [name, join(home, name)]),
    );
    for (const file of Object.values(files)) {
      writeFileSync(file, "");
      chownSync(file, nobody, nobody);
    }
    expect(workflow.jobs.doctor.defaults).toEqual({ run: { shell: "sh" } });
    // As a runner starts "shell: sh".
    const step = (script: string, extra: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
      there(["sh", "-e", "-c", script], { ...files, RUNNER_TEMP: home, CI: "true", ...extra });
    const [joining = ""] = action.runs.steps.flatMap((one) => one.run ?? []);
    const [look = "", leave = ""] = workflow.jobs.doctor.steps.flatMap((one) => one.run ?? []);

    const skipped = await step(joining, { TS_AUTHKEY: "" });
    expect(skipped).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("::notice title=tsmcp::skipped") });
    expect(readFileSync(files.GITHUB_OUTPUT ?? "", "utf8")).toBe("joined=false\n");

    const joined = await step(joining, await key());
    expect(joined, joined.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(files.GITHUB_OUTPUT ?? "", "utf8")).toBe("joined=false\njoined=true\n");
    expect(readFileSync(files.GITHUB_ENV ?? "", "utf8")).toContain("TSMCP_PROXY");
    const listed = await step(
      `tsmcp tools --server '${url}' && tsmcp call --server '${url}' echo '{"message":"hello"}'`,
    );
    expect(listed, listed.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Echo: hello") });
    const looked = await step(look);
    expect(looked, looked.stdout + looked.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(files.GITHUB_STEP_SUMMARY ?? "", "utf8")).toContain("tsmcp doctor");
    expect(readFileSync(join(home, "tsmcp/junit.xml"), "utf8")).toContain('name="public.tools');
    expect(JSON.parse(readFileSync(join(home, "tsmcp/doctor.sarif"), "utf8"))).toMatchObject({ version: "2.1.0" });
    expect(await step(leave)).toMatchObject({ exitCode: 0 });
    await expectClean();
  });
});

interface Steps {
  readonly steps: readonly { readonly run?: string }[];
}

/** Puts the agent's own program on the machine, and returns what starts it in the workspace. */
function showAgent(machine: Checkout, cli: AgentCli, modelUrl: string): (args: readonly string[]) => Promise<Outcome> {
  const [agents, node] = [join(machine.root, "agents/node_modules"), join(machine.root, "node22")];
  machine.show(agentsFolder, agents);
  machine.show(dirname(node22), node);
  cli.configure({ home: machine.home, modelUrl, workspace: machine.workspace });
  giveAway(machine.home);
  const env = { ...cli.env(modelUrl), PATH: `${node}:${machine.bin}` };
  return (args) => machine.there(["/usr/bin/timeout", "150", join(agents, ".bin", cli.bin), ...args], env);
}
