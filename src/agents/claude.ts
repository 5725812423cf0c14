import type { AgentDialect, NamedServer, ReadSettings } from "./dialect.ts";
import { fieldOf, namesIn, readEntryWith } from "./entry-forms.ts";

/** https://code.claude.com/docs/en/mcp: `.mcp.json` at the project's root, shared with everybody who works on it. */
export const claude: AgentDialect = {
  name: "claude",
  title: "Claude Code",
  format: "json",
  path: ".mcp.json",
  holderKey: "mcpServers",
  commandEntry: (command, args) => ({ command, args }),
  urlEntry: (url) => ({ type: "http", url }),
  readEntry: readEntryWith(["url"]),
  transport: "stdio, http",
  startBudget: "30 s; MCP_TIMEOUT in .claude/settings.json, which init claude writes, makes it 60 s",
  quirks: [
    "asks once whether the project's servers may start; a remote session does not",
    "often misses a list that changes in mid-session: tsmcp_call is there for that",
  ],
  // https://code.claude.com/docs/en/claude-code-on-the-web: set in its cloud sessions alone.
  isAgentVm: ({ env }) => env.CLAUDE_CODE_REMOTE === "true",
  isUsedIn: (hasPath) => hasPath(".claude") || hasPath(".mcp.json"),
  blockersOf,
};

/** https://code.claude.com/docs/en/settings: the project's, the person's own of the project, and the administrator's. */
const settingsFiles = [
  ".claude/settings.json",
  ".claude/settings.local.json",
  "/etc/claude-code/managed-settings.json",
] as const;

function blockersOf({ name, url }: NamedServer, readSettings: ReadSettings): readonly string[] {
  return settingsFiles.flatMap((path) => {
    const settings = readSettings(path);
    const isNamed = (list: readonly string[] | undefined): boolean =>
      list !== undefined && (list.includes(name) || list.includes(url));
    const allowed = namesIn(fieldOf(settings, "allowedMcpServers"), "serverName", "serverUrl");
    const denied = namesIn(fieldOf(settings, "deniedMcpServers"), "serverName", "serverUrl");
    const disabled = namesIn(fieldOf(settings, "disabledMcpjsonServers"));
    return [
      ...(isNamed(disabled) ? [`${path} switches ${name} off (disabledMcpjsonServers)`] : []),
      ...(isNamed(denied) ? [`${path} denies ${name} (deniedMcpServers)`] : []),
      ...(allowed !== undefined && !isNamed(allowed) ? [`${path} does not allow ${name} (allowedMcpServers)`] : []),
    ];
  });
}
