import type { AgentDialect, NamedServer, ReadSettings } from "./dialect.ts";
import { fieldOf, readEntryWith } from "./entry-forms.ts";

/** https://code.visualstudio.com/docs/copilot/reference/mcp-configuration: `servers`, and a `type` for each. */
export const vscode: AgentDialect = {
  name: "vscode",
  title: "VS Code",
  format: "json",
  path: ".vscode/mcp.json",
  holderKey: "servers",
  commandEntry: (command, args) => ({ type: "stdio", command, args }),
  urlEntry: (url) => ({ type: "http", url }),
  readEntry: readEntryWith(["url"]),
  transport: "stdio, http",
  startBudget: "none documented",
  quirks: ["asks once whether the workspace's servers are to be trusted"],
  isAgentVm: () => false,
  // Nearly every project has a .vscode; only this file says that its MCP servers are used.
  isUsedIn: (hasPath) => hasPath(".vscode/mcp.json"),
  blockersOf,
};

/** https://code.visualstudio.com/docs/copilot/reference/copilot-settings: `chat.mcp.access`, before that `chat.mcp.enabled`. */
function blockersOf(_server: NamedServer, readSettings: ReadSettings): readonly string[] {
  const path = ".vscode/settings.json";
  const settings = readSettings(path);
  return [
    ...(fieldOf(settings, "chat.mcp.access") === "none" ? [`${path} switches MCP servers off (chat.mcp.access)`] : []),
    ...(fieldOf(settings, "chat.mcp.enabled") === false ? [`${path} switches MCP servers off (chat.mcp.enabled)`] : []),
  ];
}
