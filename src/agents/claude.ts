import { claudeBlockers } from "./claude-rules.ts";
import type { AgentDialect } from "./dialect.ts";
import { readEntryWith } from "./entry-forms.ts";

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
  blockersOf: claudeBlockers,
};
