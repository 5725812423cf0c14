import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AgentSettings } from "../../../src/agents/dialect.ts";
import { agentDialects } from "../../../src/agents/registry.ts";
import { fitsUrl } from "../../../src/agents/server-lists.ts";
import { settingsReader } from "../../../src/agents/settings-reader.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const url = "https://n.t.ts.net:8443/mcp/notes";
const line = ["tsmcp", "bridge", url];
type Files = Readonly<Record<string, object>>;

/** The settings of a machine that has these files and no others. */
function settingsWith(files: Files, env: Readonly<Record<string, string>> = {}): AgentSettings {
  return {
    workspace: "/w",
    env,
    read: (path) => files[path],
    filesIn: (directory) => Object.keys(files).filter((path) => path.startsWith(`${directory}/`)),
  };
}

function blockersOf(agent: string, files: Files, kind: "command" | "url" = "command"): readonly string[] {
  const dialect = agentDialects.find(({ name }) => name === agent);
  if (dialect === undefined) throw new Error(`no dialect ${agent}`);
  const raw = kind === "url" ? dialect.urlEntry(url) : dialect.commandEntry("tsmcp", ["bridge", url]);
  const entry = dialect.readEntry(raw);
  if (entry === undefined) throw new Error(`${agent} cannot read its own entry`);
  return dialect.blockersOf({ name: "notes", entry }, settingsWith(files));
}

const managed = "/etc/claude-code/managed-settings.json";
const requirements = "/etc/codex/requirements.toml";
const enterprise = "/etc/github-copilot/managed-settings.json";
const environment = ".cursor/environment.json";

describe("what keeps an entry from being used is said", () => {
  test.each<[agent: string, files: Files, reason: string]>([
    ["cursor", { [environment]: { disableAllMcpServers: true } }, "switches all MCP servers off"],
    ["cursor", { [environment]: { mcpServerAllowlist: [{ command: "npx @acme/mcp" }] } }, "does not allow notes"],
    ["cursor", { [environment]: { mcpServerAllowlist: [{ serverUrl: url }] } }, "does not allow notes"],
    ["cursor", { [environment]: { mcpServerAllowlist: ["wiki"] } }, "does not allow notes"],
    ["cursor", { ".cursor/cli.json": { permissions: { deny: ["Mcp(notes:*)"] } } }, "denies the tools of notes"],
    ["claude", { ".claude/settings.json": { disabledMcpjsonServers: ["notes"] } }, "switches notes off"],
    ["claude", { ".claude/settings.local.json": { deniedMcpServers: [{ serverName: "notes" }] } }, "denies notes"],
    ["claude", { "~/.claude/settings.json": { deniedMcpServers: [{ serverCommand: line }] } }, "denies notes"],
    ["claude", { [managed]: { allowedMcpServers: [] } }, "does not allow notes"],
    ["claude", { [managed]: { allowedMcpServers: [{ serverUrl: url }] } }, "does not allow notes"],
    ["claude", { [managed]: { allowedMcpServers: [{ serverCommand: line.slice(0, 2) }] } }, "does not allow notes"],
    [
      "claude",
      { [managed]: { allowedMcpServers: [{ serverName: "notes" }, { serverCommand: ["npx"] }] } },
      "does not allow notes",
    ],
    [
      "claude",
      {
        [managed]: { allowManagedMcpServersOnly: true, allowedMcpServers: [] },
        ".claude/settings.json": { allowedMcpServers: [{ serverName: "notes" }] },
      },
      `${managed} does not allow notes`,
    ],
    [
      "claude",
      { "/etc/claude-code/managed-settings.d/50-mcp.json": { deniedMcpServers: [{ serverName: "notes" }] } },
      "50-mcp.json denies notes",
    ],
    ["claude", { "/etc/claude-code/managed-mcp.json": {} }, "alone says which servers there are"],
    ["claude", { [managed]: { strictPluginOnlyCustomization: ["mcp"] } }, "takes servers from plugins only"],
    ["claude", { ".claude/settings.json": { permissions: { deny: ["mcp__notes"] } } }, "denies the tools of notes"],
    [
      "claude",
      { "~/.claude.json": { projects: { "/w": { disabledMcpServers: ["notes"] } } } },
      "switches notes off in this project",
    ],
    ["codex", { [requirements]: { mcp_servers: {} } }, "does not allow notes"],
    ["codex", { [requirements]: { mcp_servers: { notes: { identity: { command: "npx" } } } } }, "does not allow notes"],
    ["codex", { [requirements]: { mcp_servers: { notes: { identity: { url } } } } }, "does not allow notes"],
    [
      "codex",
      { [requirements]: { mcp_servers: { notes: { identity: { command: { executable: "tsmcp" } } } } } },
      "does not allow notes",
    ],
    ["codex", { "~/.codex/config.toml": { mcp_servers: { notes: { enabled: false } } } }, "switches notes off"],
    ["codex", { "~/.codex/config.toml": { mcp_servers: { notes: { url } } } }, "mixes the two"],
    [
      "codex",
      { "~/.codex/config.toml": { projects: { "/w": { trust_level: "untrusted" } } } },
      "does not trust this project",
    ],
    ["copilot-cli", { [enterprise]: { allowedMcpServers: [] } }, "does not allow notes"],
    ["copilot-cli", { [enterprise]: { deniedMcpServers: [{ serverCommand: line }] } }, "denies notes"],
    [
      "copilot-cli",
      { [enterprise]: { allowedMcpServers: [{ serverName: "notes" }, { serverCommand: ["npx"] }] } },
      "does not allow notes",
    ],
    ["vscode", { [enterprise]: { deniedMcpServers: [{ serverName: "notes" }] } }, "denies notes"],
    ["vscode", { ".vscode/settings.json": { "chat.mcp.access": "none" } }, "switches MCP servers off"],
    ["vscode", { "/etc/vscode/policy.json": { ChatMCP: "registry" } }, "only servers of the organization's registry"],
    ["vscode", { "~/.config/Code/User/settings.json": { "chat.mcp.enabled": false } }, "switches MCP servers off"],
    ["vscode", { ".vscode/settings.json": { "chat.disableAIFeatures": true } }, "switches AI off"],
    ["gemini", { ".gemini/settings.json": { mcp: { allowed: ["wiki"] } } }, "does not allow notes (mcp.allowed)"],
    ["gemini", { "~/.gemini/settings.json": { mcp: { excluded: ["notes"] } } }, "excludes notes (mcp.excluded)"],
    ["gemini", { "/etc/gemini-cli/settings.json": { mcp: { allowed: [] } } }, "does not allow notes (mcp.allowed)"],
    ["gemini", { "~/.gemini/mcp-server-enablement.json": { notes: { enabled: false } } }, "switches notes off"],
    ["zed", { ".zed/settings.json": { disable_ai: true } }, "switches AI off"],
  ])("%s: %j", (agent, files, reason) => {
    const blockers = blockersOf(agent, files);
    expect(blockers).toEqual([expect.stringContaining(reason)]);
    expect(Object.keys(files).some((path) => blockers[0]?.startsWith(path))).toBe(true);
  });
});

describe("what leaves an entry in use is not talked about", () => {
  test.each<[agent: string, files: Files]>([
    ["cursor", { [environment]: { disableAllMcpServers: false, mcpServerAllowlist: [{ command: "tsmcp" }] } }],
    ["cursor", { [environment]: { mcpServerAllowlist: [{ command: line.join(" ") }] } }],
    ["cursor", { [environment]: { mcpServerAllowlist: [{ command: "tsmcp bridge *" }] } }],
    ["cursor", { [environment]: { mcpServerAllowlist: ["notes"] } }],
    ["cursor", { [environment]: { mcpServerAllowlist: [] } }],
    ["claude", { ".claude/settings.json": { allowedMcpServers: [{ serverName: "notes" }] } }],
    ["claude", { ".claude/settings.json": { disabledMcpjsonServers: ["x"], deniedMcpServers: [{ serverUrl: "*" }] } }],
    ["claude", { [managed]: { allowedMcpServers: [{ serverCommand: line }] } }],
    [
      "claude",
      {
        [managed]: { allowedMcpServers: [] },
        ".claude/settings.json": { allowedMcpServers: [{ serverName: "notes" }] },
      },
    ],
    ["claude", { [managed]: { allowManagedMcpServersOnly: true } }],
    ["codex", { [requirements]: { mcp_servers: { notes: { identity: { command: "tsmcp" } } } } }],
    [
      "codex",
      {
        [requirements]: {
          mcp_servers: {
            notes: {
              identity: {
                command: {
                  executable: "tsmcp",
                  args: [
                    { match: "exact", value: "bridge" },
                    { match: "prefix", value: "https://" },
                  ],
                },
              },
            },
          },
        },
      },
    ],
    ["codex", { [requirements]: { allowed_sandbox_modes: ["read-only"] } }],
    ["copilot-cli", { [enterprise]: { allowedMcpServers: [{ serverName: "notes" }] } }],
    ["gemini", { ".gemini/settings.json": { mcp: { allowed: ["Notes "] } } }],
    ["gemini", { ".gemini/settings.json": { mcp: { allowed: ["notes"], excluded: ["wiki"] } } }],
    ["vscode", { ".vscode/settings.json": { "chat.mcp.access": "all" } }],
  ])("%s: %j", (agent, files) => {
    expect(blockersOf(agent, files)).toEqual([]);
  });
});

test("a server that is called is judged by its address, not by a command", () => {
  const list = (item: object): Files => ({ [managed]: { allowedMcpServers: [item] } });
  expect(blockersOf("claude", list({ serverUrl: "https://*.t.ts.net:8443/*" }), "url")).toEqual([]);
  expect(blockersOf("claude", list({ serverUrl: "https://*.u.ts.net/*" }), "url")).toHaveLength(1);
  expect(blockersOf("claude", list({ serverCommand: line }), "url")).toHaveLength(1);
  const cursor: Files = { [environment]: { mcpServerAllowlist: [{ serverUrl: url }] } };
  expect(blockersOf("cursor", cursor, "url")).toEqual([]);
  const codex: Files = { [requirements]: { mcp_servers: { notes: { identity: { url } } } } };
  expect(blockersOf("codex", codex, "url")).toEqual([]);
});

test.each([
  ["https://n.t.ts.net:8443/*", url, true],
  ["https://N.T.ts.net:8443", url, true],
  ["https://n.t.ts.net:8443/MCP/*", url, false],
  ["https://n.t.ts.net", url, false],
  ["*://n.t.ts.net:*/*", url, true],
])("the pattern %s for %s: %j", (pattern, address, fits) => {
  expect(fitsUrl(pattern, address)).toBe(fits);
});

test("settings are read in the workspace, at home and by absolute path, and what cannot be read is passed over", () => {
  const root = temporaryDirectory();
  const [workspace, home] = [join(root, "w"), join(root, "h")];
  for (const directory of [workspace, join(home, "d"), join(root, "etc")]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(workspace, "a.json"), '// why\n{ "x": 1 }');
  writeFileSync(join(home, "d/b.toml"), "x = 2");
  writeFileSync(join(root, "etc/c.json"), "{");
  const settings = settingsReader(workspace, { HOME: home });
  expect(settings.read("a.json")).toEqual({ x: 1 });
  expect(settings.read("~/d/b.toml")).toEqual({ x: 2 });
  expect(settings.read(join(root, "etc/c.json"))).toBeUndefined();
  expect(settings.read("missing.json")).toBeUndefined();
  expect(settings.filesIn(join(root, "etc"))).toEqual([join(root, "etc/c.json")]);
  expect(settings.filesIn("~/none")).toEqual([]);
  expect(settingsReader(workspace, {}).read("~/d/b.toml")).toBeUndefined();
});
