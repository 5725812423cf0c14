import { cursorBlockers } from "./cursor-rules.ts";
import type { AgentDialect } from "./dialect.ts";
import { readEntryWith } from "./entry-forms.ts";

/** https://cursor.com/docs/context/mcp: `.cursor/mcp.json` in the workspace. */
export const cursor: AgentDialect = {
  name: "cursor",
  title: "Cursor",
  format: "json",
  path: ".cursor/mcp.json",
  holderKey: "mcpServers",
  commandEntry: (command, args) => ({ command, args }),
  urlEntry: (url) => ({ url }),
  readEntry: readEntryWith(["url"]),
  transport: "stdio, or a URL that Cursor's cloud calls from outside the tailnet",
  startBudget: "not documented",
  quirks: [
    "reads the list of servers once, before environment.json's start has run",
    "a cloud agent may want the repository's servers enabled once in the dashboard",
  ],
  // The socket mints OIDC tokens in cloud agents (https://cursor.com/docs/cloud-agent); the daemon runs the agent's tools.
  isAgentVm: ({ env, exists }) => (env.CURSOR_AGENT_SOCKET ?? "") !== "" || exists("/exec-daemon"),
  isUsedIn: (hasPath) => hasPath(".cursor"),
  blockersOf: cursorBlockers,
};
