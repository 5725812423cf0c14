import type { PastedDialect } from "./dialect.ts";

/** Agents that load nothing from a repository. What they need is the same on every machine, so a person pastes it once. */
export const pastedDialects: readonly PastedDialect[] = [
  // https://docs.github.com/copilot/how-tos/use-copilot-agents/cloud-agent/extend-cloud-agent-with-mcp
  {
    name: "copilot",
    title: "Copilot cloud agent",
    format: "json",
    where: "the repository's Settings, Copilot, Cloud agent, MCP configuration",
    holderKey: "mcpServers",
    commandEntry: (command, args) => ({ type: "local", command, args, tools: ["*"] }),
    transport: "stdio, http",
    startBudget: "not documented",
    quirks: [
      "tools is required, and allows them all without asking: name those that only read instead of *",
      "gives its servers only variables that start with COPILOT_MCP_",
    ],
  },
  // https://modelcontextprotocol.io/docs/develop/connect-local-servers
  {
    name: "claude-desktop",
    title: "Claude Desktop",
    format: "json",
    where: "claude_desktop_config.json (Settings, Developer, Edit Config)",
    holderKey: "mcpServers",
    commandEntry: (command, args) => ({ command, args }),
    transport: "stdio",
    startBudget: "60 s",
    quirks: ["has a short PATH of its own: where it does not find tsmcp, write its absolute path"],
  },
  // https://docs.windsurf.com/windsurf/cascade/mcp
  {
    name: "windsurf",
    title: "Windsurf",
    format: "json",
    where: "~/.codeium/windsurf/mcp_config.json (Settings, Cascade, MCP Servers, View raw config)",
    holderKey: "mcpServers",
    commandEntry: (command, args) => ({ command, args }),
    transport: "stdio, http (serverUrl)",
    startBudget: "not documented",
    quirks: ["sees at most 100 tools of all its servers together"],
  },
  // https://docs.cline.bot/mcp/configuring-mcp-servers
  {
    name: "cline",
    title: "Cline",
    format: "json",
    where: "cline_mcp_settings.json (MCP Servers, Configure)",
    holderKey: "mcpServers",
    commandEntry: (command, args) => ({ type: "stdio", command, args, timeout: 60, disabled: false }),
    transport: "stdio, http (type streamableHttp)",
    startBudget: "60 s, the limit of every request (timeout, in s); written so that it can be seen",
    quirks: ["takes a url without a type for SSE"],
  },
];
