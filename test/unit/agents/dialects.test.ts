import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AgentPlan, applyAgentFile, planAgentFiles, removeAgentEntries } from "../../../src/agents/agent-files.ts";
import type { AgentDialect } from "../../../src/agents/dialect.ts";
import { agentDialects } from "../../../src/agents/registry.ts";

let workspace = "";
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-dialects-")));
});
afterEach(() => rmSync(workspace, { recursive: true }));

const server = { name: "notes", url: "https://n.t.ts.net:8443/mcp/notes" };

function up(
  dialect: AgentDialect,
  options: { kind?: "bridge" | "url"; recorded?: AgentPlan["records"] } = {},
): AgentPlan {
  const plan = planAgentFiles({
    workspace,
    agents: [dialect],
    servers: [server],
    kind: options.kind ?? "bridge",
    launcher: { command: process.execPath, leadingArgs: [] },
    env: {},
    recorded: options.recorded ?? [],
  });
  for (const file of plan.files) applyAgentFile(file);
  return plan;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(workspace, path)), { recursive: true });
  writeFileSync(join(workspace, path), text);
}
const read = (path: string): string => readFileSync(join(workspace, path), "utf8");
const detailsOf = (plan: AgentPlan): string[] =>
  plan.files.flatMap(({ outcomes }) => outcomes.map(({ detail }) => detail));

test.each(agentDialects)("$name: the file is written, kept by the next up, and gone after down", (dialect) => {
  const first = up(dialect);
  expect(read(dialect.path).replaceAll(process.execPath, "tsmcp")).toMatchSnapshot();
  expect(up(dialect, { recorded: first.records }).files.map(({ changes }) => changes)).toEqual([false]);
  expect(detailsOf(up(dialect))).toEqual([`notes is in ${dialect.path}`]);
  expect(removeAgentEntries(first.records)).toMatchObject([{ removed: ["notes"], problem: undefined }]);
  expect(() => read(dialect.path)).toThrowError("ENOENT");
});

test.each(agentDialects)("$name: an entry that is a url is read back as one", (dialect) => {
  up(dialect, { kind: "url" });
  expect(detailsOf(up(dialect, { kind: "url" }))).toEqual([`notes is in ${dialect.path}`]);
  expect(detailsOf(up(dialect))[0]).toMatch(/^left notes .* is a url/);
});

test.each(agentDialects)(
  "$name: one of our form that cannot be started is mended, and somebody's own is not",
  (dialect) => {
    up(dialect);
    write(dialect.path, read(dialect.path).replace(JSON.stringify(process.execPath), '"/gone/tsmcp"'));
    expect(detailsOf(up(dialect))).toEqual([
      `mended notes in ${dialect.path}: it starts "/gone/tsmcp", which is not there`,
    ]);
    expect(read(dialect.path)).toContain(process.execPath);
  },
);

test.each(agentDialects)("$name: an entry that was switched off is kept, and that is said", (dialect) => {
  up(dialect);
  const off = dialect.format === "json" ? '"enabled": false, "command"' : "enabled = false\ncommand";
  const own = dialect.format === "json" ? '"command"' : "command";
  write(dialect.path, read(dialect.path).replace(own, off));
  expect(detailsOf(up(dialect))).toEqual([`notes is in ${dialect.path}, where somebody switched it off`]);
});

const blocked: readonly [agent: string, path: string, settings: object, reason: string][] = [
  ["cursor", ".cursor/environment.json", { disableAllMcpServers: true }, "switches all MCP servers off"],
  ["cursor", ".cursor/environment.json", { mcpServerAllowlist: ["wiki"] }, "does not allow notes"],
  ["claude", ".claude/settings.json", { disabledMcpjsonServers: ["notes"] }, "switches notes off"],
  ["claude", ".claude/settings.local.json", { deniedMcpServers: [{ serverName: "notes" }] }, "denies notes"],
  ["claude", ".claude/settings.json", { allowedMcpServers: [{ serverName: "wiki" }] }, "does not allow notes"],
  ["gemini", ".gemini/settings.json", { mcp: { allowed: ["wiki"] } }, "does not allow notes (mcp.allowed)"],
  ["gemini", ".gemini/settings.json", { mcp: { excluded: ["notes"] } }, "excludes notes (mcp.excluded)"],
  ["gemini", ".gemini/settings.json", { allowMCPServers: [] }, "does not allow notes (allowMCPServers)"],
  ["vscode", ".vscode/settings.json", { "chat.mcp.access": "none" }, "switches MCP servers off"],
  ["zed", ".zed/settings.json", { disable_ai: true }, "switches AI off"],
];

test.each(blocked)("%s: %s with %j is said to be in the way", (name, path, settings, reason) => {
  const dialect = agentDialects.find((one) => one.name === name);
  if (dialect === undefined) throw new Error(`no dialect ${name}`);
  write(path, `// why\n${JSON.stringify(settings)}`);
  const [detail] = detailsOf(up(dialect));
  expect(detail).toMatch(/^wrote notes into .*, but /);
  expect(detail).toContain(`${path} ${reason}`);
});

const allowed: readonly [agent: string, path: string, settings: object][] = [
  ["cursor", ".cursor/environment.json", { disableAllMcpServers: false, mcpServerAllowlist: ["notes"] }],
  ["cursor", ".cursor/environment.json", { mcpServerAllowlist: [] }],
  ["cursor", ".cursor/environment.json", { mcpServerAllowlist: [{ url: server.url }] }],
  ["claude", ".claude/settings.json", { allowedMcpServers: [{ serverName: "notes" }], disabledMcpjsonServers: ["x"] }],
  ["gemini", ".gemini/settings.json", { mcp: { allowed: ["notes"], excluded: ["wiki"] } }],
  ["vscode", ".vscode/settings.json", { "chat.mcp.access": "all" }],
];

test.each(allowed)("%s: %s with %j is not in the way", (name, path, settings) => {
  const dialect = agentDialects.find((one) => one.name === name);
  if (dialect === undefined) throw new Error(`no dialect ${name}`);
  write(path, JSON.stringify(settings));
  expect(detailsOf(up(dialect))).toEqual([`wrote notes into ${dialect.path}`]);
});
