import { copilotBlockers } from "./copilot-rules.ts";
import type { AgentDialect, AgentSettings, PlacedEntry } from "./dialect.ts";
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

/** The workspace's, the user's (the program's own and a remote machine's), by the place that each has on Linux and macOS. */
const settingsFiles = [
  ".vscode/settings.json",
  "~/.config/Code/User/settings.json",
  "~/Library/Application Support/Code/User/settings.json",
  "~/.vscode-server/data/Machine/settings.json",
  "~/.vscode-remote/data/Machine/settings.json",
] as const;

/** https://code.visualstudio.com/docs/enterprise/policies: an administrator's, where there is no group policy. */
const policyFile = "/etc/vscode/policy.json";

/** https://code.visualstudio.com/docs/copilot/reference/copilot-settings: `chat.mcp.access`, before that `chat.mcp.enabled`. */
function blockersOf(placed: PlacedEntry, settings: AgentSettings): readonly string[] {
  const own = settingsFiles.flatMap((path) => {
    const data = settings.read(path);
    return [
      ...accessBlockers(fieldOf(data, "chat.mcp.access"), `${path} %s (chat.mcp.access)`),
      ...(fieldOf(data, "chat.mcp.enabled") === false ? [`${path} switches MCP servers off (chat.mcp.enabled)`] : []),
      ...(fieldOf(data, "chat.disableAIFeatures") === true ? [`${path} switches AI off (chat.disableAIFeatures)`] : []),
    ];
  });
  const policy = accessBlockers(fieldOf(settings.read(policyFile), "ChatMCP"), `${policyFile} %s (ChatMCP)`);
  return [...own, ...policy, ...copilotBlockers(placed, settings)];
}

function accessBlockers(access: unknown, sentence: string): readonly string[] {
  if (access === "none") return [sentence.replace("%s", "switches MCP servers off")];
  return access === "registry" ? [sentence.replace("%s", "allows only servers of the organization's registry")] : [];
}
