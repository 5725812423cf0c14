import { copilotBlockers } from "./copilot-rules.ts";
import type { AgentDialect } from "./dialect.ts";
import { readEntryWith } from "./entry-forms.ts";

/**
 * `.github/mcp.json`, the file for what is committed (https://github.com/github/docs/pull/44236); it reads `.mcp.json` too,
 * which is Claude Code's.
 */
export const copilotCli: AgentDialect = {
  name: "copilot-cli",
  title: "Copilot CLI",
  format: "json",
  path: ".github/mcp.json",
  holderKey: "mcpServers",
  commandEntry: (command, args) => ({ type: "local", command, args, tools: ["*"] }),
  urlEntry: (url) => ({ type: "http", url, tools: ["*"] }),
  readEntry: readEntryWith(["url"]),
  transport: "stdio, http",
  startBudget: "not documented",
  quirks: [
    "reads the repository's file only in a trusted folder; with -p, GITHUB_COPILOT_PROMPT_MODE_WORKSPACE_MCP=true",
  ],
  isAgentVm: () => false,
  isUsedIn: (hasPath) => hasPath(".github/mcp.json"),
  blockersOf: (placed, settings) => copilotBlockers(placed, settings),
};
