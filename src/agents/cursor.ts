import type { AgentDialect, AgentEntry } from "./dialect.ts";

/** https://cursor.com/docs/context/mcp: `.cursor/mcp.json` in the workspace. */
export const cursor: AgentDialect = {
  name: "cursor",
  title: "Cursor",
  path: ".cursor/mcp.json",
  holderKey: "mcpServers",
  commandEntry: (command, args) => ({ command, args }),
  urlEntry: (url) => ({ url }),
  readEntry,
  // The socket mints OIDC tokens in cloud agents (https://cursor.com/docs/cloud-agent); the daemon runs the agent's tools.
  isAgentVm: ({ env, exists }) => (env.CURSOR_AGENT_SOCKET ?? "") !== "" || exists("/exec-daemon"),
  isUsedIn: (hasPath) => hasPath(".cursor"),
};

function readEntry(entry: unknown): AgentEntry | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  if ("command" in entry && typeof entry.command === "string") {
    const args: unknown = "args" in entry ? entry.args : undefined;
    const texts = Array.isArray(args) ? args.filter((arg) => typeof arg === "string") : [];
    return { kind: "command", command: entry.command, args: texts };
  }
  return "url" in entry && typeof entry.url === "string" ? { kind: "url", url: entry.url } : undefined;
}
