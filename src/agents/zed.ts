import type { AgentDialect, AgentSettings, PlacedEntry } from "./dialect.ts";
import { fieldOf, readEntryWith } from "./entry-forms.ts";

/** https://zed.dev/docs/ai/mcp: `context_servers`, which the project's settings may hold too. */
export const zed: AgentDialect = {
  name: "zed",
  title: "Zed",
  format: "json",
  path: ".zed/settings.json",
  holderKey: "context_servers",
  commandEntry: (command, args) => ({ command, args }),
  urlEntry: (url) => ({ url }),
  readEntry: readEntryWith(["url"]),
  transport: "stdio, http",
  startBudget: "60 s (context_server_timeout); left as it is",
  quirks: ["starts no server of a worktree that is not trusted"],
  isAgentVm: () => false,
  isUsedIn: (hasPath) => hasPath(".zed"),
  blockersOf,
};

function blockersOf(_placed: PlacedEntry, settings: AgentSettings): readonly string[] {
  return [".zed/settings.json", "~/.config/zed/settings.json"]
    .filter((path) => fieldOf(settings.read(path), "disable_ai") === true)
    .map((path) => `${path} switches AI off (disable_ai)`);
}
