import type { AgentDialect, NamedServer, ReadSettings } from "./dialect.ts";
import { fieldOf, namesIn, readEntryWith } from "./entry-forms.ts";

/** https://geminicli.com/docs/tools/mcp-server: in the project's settings, where `url` would mean SSE. */
export const gemini: AgentDialect = {
  name: "gemini",
  title: "Gemini CLI",
  format: "json",
  path: ".gemini/settings.json",
  holderKey: "mcpServers",
  commandEntry: (command, args) => ({ command, args }),
  urlEntry: (url) => ({ httpUrl: url }),
  readEntry: readEntryWith(["httpUrl", "url"]),
  transport: "stdio, http",
  startBudget: "10 min, the limit of every request (timeout, in ms); left as it is",
  quirks: ["starts no server in a folder that is not trusted"],
  isAgentVm: () => false,
  isUsedIn: (hasPath) => hasPath(".gemini"),
  blockersOf,
};

/** `mcp.allowed` and `mcp.excluded`; before those, the keys that stand alone (https://geminicli.com/docs/reference/configuration). */
function blockersOf({ name }: NamedServer, readSettings: ReadSettings): readonly string[] {
  const path = ".gemini/settings.json";
  return [path, "/etc/gemini-cli/settings.json"].flatMap((file) => {
    const settings = readSettings(file);
    const lists = [
      { key: "mcp.allowed", names: namesIn(fieldOf(settings, "mcp", "allowed")), allows: true },
      { key: "allowMCPServers", names: namesIn(fieldOf(settings, "allowMCPServers")), allows: true },
      { key: "mcp.excluded", names: namesIn(fieldOf(settings, "mcp", "excluded")), allows: false },
      { key: "excludeMCPServers", names: namesIn(fieldOf(settings, "excludeMCPServers")), allows: false },
    ];
    return lists.flatMap(({ key, names, allows }) => {
      if (names === undefined || names.includes(name) === allows) return [];
      return [`${file} ${allows ? "does not allow" : "excludes"} ${name} (${key})`];
    });
  });
}
