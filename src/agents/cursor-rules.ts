import { fitsPattern } from "../core/tool-pattern.ts";
import type { AgentSettings, PlacedEntry } from "./dialect.ts";
import { fieldOf, namesIn } from "./entry-forms.ts";
import { fitsUrl } from "./server-lists.ts";

/** Source: https://cursor.com/docs/cloud-agent/setup, and https://cursor.com/docs/cli/reference/permissions. */
export function cursorBlockers(placed: PlacedEntry, settings: AgentSettings): readonly string[] {
  const { name } = placed;
  const path = ".cursor/environment.json";
  const environment = settings.read(path);
  const allowed = fieldOf(environment, "mcpServerAllowlist");
  // An empty list restricts nothing.
  const isBarred = Array.isArray(allowed) && allowed.length > 0 && !allowed.some((item) => isAllowed(item, placed));
  const denying = [".cursor/cli.json", "~/.cursor/cli-config.json"].filter((file) => {
    const rules = namesIn(fieldOf(settings.read(file), "permissions", "deny")) ?? [];
    return rules.some((rule) => [`Mcp(${name})`, `Mcp(${name}:*)`, "Mcp(*)", "Mcp(*:*)"].includes(rule));
  });
  return [
    ...(fieldOf(environment, "disableAllMcpServers") === true
      ? [`${path} switches all MCP servers off (disableAllMcpServers)`]
      : []),
    ...(isBarred ? [`${path} does not allow ${name} (mcpServerAllowlist)`] : []),
    ...denying.map((file) => `${file} denies the tools of ${name} (permissions.deny)`),
  ];
}

/**
 * An item says `command` or `serverUrl`. How a command is compared is not documented, so that the program alone, the whole
 * line and patterns count; so does a name, which nothing but older files has.
 */
function isAllowed(item: unknown, { name, entry }: PlacedEntry): boolean {
  const url = fieldOf(item, "serverUrl");
  if (entry.kind === "url" && typeof url === "string") return fitsUrl(url, entry.url);
  const command = fieldOf(item, "command");
  if (entry.kind === "command" && typeof command === "string") {
    return command === entry.command || fitsPattern(command, [entry.command, ...entry.args].join(" "));
  }
  const named = typeof item === "string" ? item : fieldOf(item, "name");
  return typeof named === "string" && fitsPattern(named, name);
}
