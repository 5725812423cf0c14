import type { AgentDialect, AgentSettings, PlacedEntry } from "./dialect.ts";
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

const macPlace = "/Library/Application Support/GeminiCli";

/**
 * An entry must stand in every list of those that are allowed, and in none of those that are excluded, in any case.
 * Sources: https://geminicli.com/docs/reference/configuration, and what `gemini mcp disable` writes.
 */
function blockersOf({ name }: PlacedEntry, settings: AgentSettings): readonly string[] {
  const { GEMINI_CLI_SYSTEM_SETTINGS_PATH: moved } = settings.env;
  const files = [
    ".gemini/settings.json",
    "~/.gemini/settings.json",
    ...(moved?.startsWith("/") === true ? [moved] : ["/etc/gemini-cli", macPlace].map((at) => `${at}/settings.json`)),
    ...["/etc/gemini-cli", macPlace].map((place) => `${place}/system-defaults.json`),
  ];
  const listed = files.flatMap((file) => {
    const data = settings.read(file);
    const lists = [
      { key: "mcp.allowed", names: namesIn(fieldOf(data, "mcp", "allowed")), allows: true },
      { key: "mcp.excluded", names: namesIn(fieldOf(data, "mcp", "excluded")), allows: false },
    ];
    return lists.flatMap(({ key, names, allows }) => {
      const isNamed = names?.some((one) => one.trim().toLowerCase() === name.toLowerCase());
      if (names === undefined || isNamed === allows) return [];
      return [`${file} ${allows ? "does not allow" : "excludes"} ${name} (${key})`];
    });
  });
  const enablement = "~/.gemini/mcp-server-enablement.json";
  const isOff = fieldOf(settings.read(enablement), name.toLowerCase(), "enabled") === false;
  return [...listed, ...(isOff ? [`${enablement} switches ${name} off (gemini mcp enable ${name})`] : [])];
}
