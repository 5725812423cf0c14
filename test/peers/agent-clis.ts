import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A coding agent as npm installs it, told to use a stub for its model, and no more of the network than that. */
export interface AgentCli {
  readonly name: string;
  /** In test/peers/agents/node_modules/.bin. */
  readonly bin: string;
  readonly args: readonly string[];
  readonly env: (modelUrl: string) => Readonly<Record<string, string>>;
  /** The agent's name for `tsmcp init`. */
  readonly dialect: string;
  /** Writes the settings of the agent's user: the model, and a server of the user's own or trust in a workspace's. */
  readonly configure: (place: AgentPlace) => void;
  /** Whether it reads the list again within a conversation when it is told that it changed. */
  readonly readsListAgain: boolean;
  /** A tool of its own that does nothing, for one that starts before its MCP servers are there. */
  readonly idleTool?: Readonly<{ name: string; arguments: object }>;
}

export interface AgentPlace {
  readonly home: string;
  readonly modelUrl: string;
  readonly entry?: Entry;
  /** Trusted, so that its own files count. */
  readonly workspace?: string;
}

export interface Entry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const agentClis: readonly AgentCli[] = [
  {
    name: "Claude Code 2.1.330",
    bin: "claude",
    args: ["-p", "go", "--allowedTools", "mcp__notes,Bash"],
    env: (url) => ({
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: "stub",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      // Else only a search finds the tools of MCP servers, and no list can be looked at.
      ENABLE_TOOL_SEARCH: "false",
    }),
    dialect: "claude",
    configure({ home, entry, workspace }) {
      write(home, ".claude.json", {
        hasCompletedOnboarding: true,
        ...(entry === undefined ? {} : { mcpServers: { notes: { type: "stdio", ...entry } } }),
        ...(workspace === undefined ? {} : { projects: { [workspace]: { hasTrustDialogAccepted: true } } }),
      });
      // A cloud session asks nobody; at a desk somebody says yes to the project's servers.
      if (workspace !== undefined) write(home, ".claude/settings.json", { enabledMcpjsonServers: ["notes"] });
    },
    readsListAgain: true,
    idleTool: { name: "Bash", arguments: { command: "true", description: "does nothing" } },
  },
  {
    name: "Codex 0.169.0",
    bin: "codex",
    args: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "go"],
    env: () => ({ STUB_KEY: "stub" }),
    dialect: "codex",
    configure({ home, entry, modelUrl, workspace }) {
      const lines = [
        ...['model = "gpt-5"', 'model_provider = "stub"', "check_for_update_on_startup = false"],
        ...["[analytics]", "enabled = false"],
        ...["[model_providers.stub]", 'name = "stub"', `base_url = "${modelUrl}/v1"`, 'env_key = "STUB_KEY"'],
        ...(entry === undefined ? [] : codexEntry(entry)),
        ...(workspace === undefined ? [] : [`[projects.${JSON.stringify(workspace)}]`, 'trust_level = "trusted"']),
      ];
      write(home, ".codex/config.toml", `${lines.join("\n")}\n`);
    },
    readsListAgain: false,
    idleTool: { name: "get_goal", arguments: {} },
  },
  {
    name: "Gemini CLI 0.61.0",
    bin: "gemini",
    args: ["-y", "-m", "gemini-2.5-flash", "-p", "go"],
    env: (url) => ({ GEMINI_API_KEY: "stub", GOOGLE_GEMINI_BASE_URL: url }),
    dialect: "gemini",
    configure: ({ home, entry }) =>
      write(home, ".gemini/settings.json", {
        ...(entry === undefined ? {} : { mcpServers: { notes: { ...entry, trust: true } } }),
        general: { enableAutoUpdate: false },
        privacy: { usageStatisticsEnabled: false },
        security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
      }),
    readsListAgain: true,
  },
  {
    name: "Copilot CLI 1.0.102",
    bin: "copilot",
    args: ["-p", "go", "--allow-all-tools"],
    env: (url) => ({
      COPILOT_PROVIDER_BASE_URL: `${url}/v1`,
      COPILOT_PROVIDER_TYPE: "openai",
      COPILOT_PROVIDER_API_KEY: "stub",
      COPILOT_MODEL: "gpt-5",
      COPILOT_OFFLINE: "true",
      COPILOT_AUTO_UPDATE: "false",
      GITHUB_COPILOT_PROMPT_MODE_WORKSPACE_MCP: "true",
    }),
    dialect: "copilot-cli",
    configure({ home, entry, workspace }) {
      if (workspace !== undefined) write(home, ".copilot/config.json", { trusted_folders: [workspace] });
      if (entry === undefined) return;
      write(home, ".copilot/mcp-config.json", { mcpServers: { notes: { type: "local", ...entry, tools: ["*"] } } });
    },
    readsListAgain: true,
  },
];

/** Claude Code and Gemini CLI want Node.js 22; the others bring what they need. */
export const node22 = fileURLToPath(new URL("../nodes/node_modules/node-22/bin/node", import.meta.url));

export function binOf({ bin }: AgentCli): string {
  return fileURLToPath(new URL(`agents/node_modules/.bin/${bin}`, import.meta.url));
}

/** Returns what to type where the program is not installed, or undefined. */
export function whatMisses(cli: AgentCli): string | undefined {
  if (!existsSync(binOf(cli))) return `${cli.bin} is not installed; type: npm ci --prefix test/peers/agents`;
  return existsSync(node22) ? undefined : "Node.js 22 is not installed; type: npm ci --prefix test/nodes";
}

function codexEntry({ command, args, env }: Entry): readonly string[] {
  return [
    ...["[mcp_servers.notes]", `command = ${JSON.stringify(command)}`, `args = ${JSON.stringify(args)}`],
    "[mcp_servers.notes.env]",
    ...Object.entries(env).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
  ];
}

function write(home: string, name: string, value: object | string): void {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
}
