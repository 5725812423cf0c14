import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { type AgentCli, agentClis, binOf, node22, whatMisses } from "../peers/agent-clis.ts";
import { startStubModel } from "../peers/stub-model.ts";
import { binDir, startProgram } from "./tsmcp.ts";

const url = "https://n.t.ts.net:8443/mcp";
const line = ["tsmcp", "bridge", url];

/** By the agent: a file of the workspace, of the home (~) or of /etc, and whether its own program uses the entry then. */
const cases: readonly [dialect: string, path: string, text: string, isUsed: boolean][] = [
  ["claude", ".claude/settings.json", json({ disabledMcpjsonServers: ["notes"] }), false],
  ["claude", "~/.claude/settings.json", json({ deniedMcpServers: [{ serverName: "notes" }] }), false],
  ["claude", "/etc/claude-code/managed-settings.json", json({ allowedMcpServers: [] }), false],
  [
    "claude",
    "/etc/claude-code/managed-settings.d/a.json",
    json({ allowedMcpServers: [{ serverName: "notes" }, { serverCommand: ["npx"] }] }),
    false,
  ],
  ["claude", "/etc/claude-code/managed-settings.json", json({ allowedMcpServers: [{ serverCommand: line }] }), true],
  ["claude", "/etc/claude-code/managed-settings.json", json({ allowedMcpServers: [{ serverName: "notes" }] }), true],
  ["claude", "/etc/claude-code/managed-mcp.json", json({ mcpServers: {} }), false],
  ["claude", "/etc/claude-code/managed-settings.json", json({ strictPluginOnlyCustomization: ["mcp"] }), false],
  ["codex", "/etc/codex/requirements.toml", "[mcp_servers]\n", false],
  ["codex", "/etc/codex/requirements.toml", '[mcp_servers.notes.identity]\ncommand = "npx"\n', false],
  ["codex", "/etc/codex/requirements.toml", '[mcp_servers.notes.identity]\ncommand = "tsmcp"\n', true],
  [
    "codex",
    "/etc/codex/requirements.toml",
    '[mcp_servers.notes.identity.command]\nexecutable = "tsmcp"\nargs = [{ match = "exact", value = "bridge" }]\n',
    false,
  ],
  ["codex", "~/.codex/config.toml", "[mcp_servers.notes]\nenabled = false\n", false],
  ["codex", "~/.codex/config.toml", '[mcp_servers.notes]\nurl = "https://elsewhere.example"\n', false],
  ["gemini", "/etc/gemini-cli/settings.json", json({ mcp: { allowed: ["wiki"] } }), false],
  ["gemini", "/etc/gemini-cli/settings.json", json({ mcp: { allowed: ["Notes"] } }), true],
  ["gemini", "/etc/gemini-cli/system-defaults.json", json({ mcp: { excluded: ["notes"] } }), false],
  [
    "copilot-cli",
    "/etc/github-copilot/managed-settings.json",
    json({ allowedMcpServers: [{ serverName: "notes" }, { serverCommand: ["npx"] }] }),
    false,
  ],
  [
    "copilot-cli",
    "/etc/github-copilot/managed-settings.json",
    json({ allowedMcpServers: [{ serverCommand: line }], deniedMcpServers: [{ serverCommand: ["npx"] }] }),
    true,
  ],
];

test.for(cases)(
  "init %s tells what its program makes of %s with %j (used: %j)",
  { timeout: 60_000 },
  async ([dialect, path, text, isUsed], context) => {
    const cli = agentClis.find((one) => one.dialect === dialect);
    if (cli === undefined) throw new Error(`no program for ${dialect}`);
    const missing = process.getuid?.() === 0 ? whatMisses(cli) : "only root may put files into an /etc of its own";
    context.skip(missing !== undefined, missing);
    const machine = newMachine();
    await using model = await startStubModel(async () => undefined);
    cli.configure({ home: machine.home, modelUrl: model.url, workspace: machine.workspace });
    machine.add(path, text);
    const init = await machine.run(process.execPath, [
      ...[join(binDir, "tsmcp"), "init", dialect, "--json"],
      ...["--server", `notes=${url}`],
    ]);
    expect(init, init.stderr).toMatchObject({ exitCode: 0 });
    const { files }: { files: { detail: string }[] } = JSON.parse(init.stdout);
    const foretold = files.filter(({ detail }) => detail.includes(", but ") && detail.includes(dirname(path)));
    const said = await usesEntry(cli, machine, model.url);
    expect({ isUsed: said.isUsed, isForetold: foretold.length === 0 }, said.text).toEqual({
      isUsed,
      isForetold: isUsed,
    });
  },
);

/** Whether the agent's program starts the entry; Codex only tells whether it would. */
async function usesEntry(
  cli: AgentCli,
  machine: ReturnType<typeof newMachine>,
  modelUrl: string,
): Promise<{ isUsed: boolean; text: string }> {
  // Copilot's list takes no account of an enterprise's.
  const args = cli.dialect === "copilot-cli" ? cli.args : ["mcp", "list"];
  const { stdout, stderr } = await machine.run("timeout", ["50", binOf(cli), ...args], cli.env(modelUrl));
  const isUsed = cli.dialect === "codex" ? /^notes\b.*\benabled\b/m.test(stdout) : existsSync(machine.startedFile);
  return { isUsed, text: stdout + stderr };
}

/** A home, a repository in it, an /etc of its own, and a tsmcp that only notes that it was started. */
function newMachine() {
  const root = temporaryDirectory();
  const [home, etc, startedFile] = [join(root, "home"), join(root, "etc"), join(root, "started")];
  const [workspace, bin, work] = [join(home, "work"), join(root, "bin"), join(root, "overlay")];
  for (const directory of [workspace, bin, etc, work, join(workspace, ".git")]) {
    mkdirSync(directory, { recursive: true });
  }
  writeFileSync(join(workspace, ".git/HEAD"), "ref: refs/heads/main\n");
  for (const directory of ["objects", "refs"]) mkdirSync(join(workspace, ".git", directory));
  writeFileSync(join(bin, "tsmcp"), `#!/bin/sh\n: >'${startedFile}'\nexit 1\n`, { mode: 0o755 });
  const env = { HOME: home, PATH: `${bin}:${dirname(node22)}:/usr/bin:/bin` };
  const overlay = `mount -t overlay overlay -o 'lowerdir=/etc,upperdir=${etc},workdir=${work}' /etc && exec "$@"`;
  return {
    home,
    workspace,
    startedFile,
    add(path: string, text: string): void {
      const place = path.startsWith("/etc/")
        ? join(etc, path.slice("/etc/".length))
        : join(path.startsWith("~/") ? home : workspace, path.replace("~/", ""));
      mkdirSync(dirname(place), { recursive: true });
      const before = existsSync(place) ? readFileSync(place, "utf8") : "";
      rmSync(place, { force: true });
      writeFileSync(place, joined(before, text));
    },
    run: (command: string, args: readonly string[], extra: Readonly<Record<string, string>> = {}) =>
      startProgram("unshare", ["-m", "sh", "-c", overlay, "sh", command, ...args], { env, workspace }, extra).outcome,
  };
}

/** What a program's own set-up wrote stays: TOML grows at its end, JSON by its fields. */
function joined(before: string, text: string): string {
  if (before === "" || !text.startsWith("{")) return `${before}${text}`;
  return json({ ...JSON.parse(before), ...JSON.parse(text) });
}

function json(value: object): string {
  return JSON.stringify(value);
}
