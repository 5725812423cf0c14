import type { AgentDialect, NamedServer, ReadSettings } from "./dialect.ts";
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

function blockersOf(_server: NamedServer, readSettings: ReadSettings): readonly string[] {
  const path = ".zed/settings.json";
  return fieldOf(readSettings(path), "disable_ai") === true ? [`${path} switches AI off (disable_ai)`] : [];
}
