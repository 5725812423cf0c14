import type { AgentSettings, PlacedEntry } from "./dialect.ts";
import { fieldOf, namesIn } from "./entry-forms.ts";
import { type ListFile, listBlockers } from "./server-lists.ts";

/** https://code.claude.com/docs/en/settings: the project's, the person's own of the project, and the person's. */
const settingsFiles = [".claude/settings.json", ".claude/settings.local.json", "~/.claude/settings.json"] as const;

/** The administrator's, on Linux and on macOS. */
const managedPlaces = ["/etc/claude-code", "/Library/Application Support/ClaudeCode"] as const;

/** Returns what keeps Claude Code from using an entry of `.mcp.json`. Source: https://code.claude.com/docs/en/managed-mcp */
export function claudeBlockers(placed: PlacedEntry, settings: AgentSettings): readonly string[] {
  const readAll = (paths: readonly string[]): readonly ListFile[] =>
    paths.map((path) => ({ path, settings: settings.read(path) }));
  const managed = readAll(
    managedPlaces.flatMap((place) => [
      `${place}/managed-settings.json`,
      ...settings.filesIn(`${place}/managed-settings.d`),
    ]),
  );
  const files = [...readAll(settingsFiles), ...managed];
  const isManagedOnly = managed.some((file) => fieldOf(file.settings, "allowManagedMcpServersOnly") === true);
  return [
    ...exclusiveBlockers(managed, settings),
    ...files.flatMap((file) => switchBlockers(placed, file)),
    ...choiceBlockers(placed, settings),
    ...listBlockers(placed, { files, ...(isManagedOnly ? { allowing: managed } : {}) }),
  ];
}

/** Where an administrator says which servers there are, a project's do not count. */
function exclusiveBlockers(managed: readonly ListFile[], settings: AgentSettings): readonly string[] {
  const exclusive = managedPlaces
    .map((place) => `${place}/managed-mcp.json`)
    .filter((path) => settings.read(path) !== undefined);
  const pluginsOnly = managed.filter((file) => {
    const only = fieldOf(file.settings, "strictPluginOnlyCustomization");
    return only === true || namesIn(only)?.includes("mcp") === true;
  });
  return [
    ...exclusive.map((path) => `${path} alone says which servers there are`),
    ...pluginsOnly.map(({ path }) => `${path} takes servers from plugins only (strictPluginOnlyCustomization)`),
  ];
}

function switchBlockers({ name }: PlacedEntry, { path, settings }: ListFile): readonly string[] {
  const isOff = namesIn(fieldOf(settings, "disabledMcpjsonServers"))?.includes(name) === true;
  const rules = namesIn(fieldOf(settings, "permissions", "deny")) ?? [];
  // https://code.claude.com/docs/en/permissions: a server's rule stands for all of its tools.
  const rule = rules.find((one) => one === `mcp__${name}` || one === `mcp__${name}__*` || one === "mcp__*");
  return [
    ...(isOff ? [`${path} switches ${name} off (disabledMcpjsonServers)`] : []),
    ...(rule === undefined ? [] : [`${path} denies the tools of ${name} (permissions.deny, ${rule})`]),
  ];
}

/** What the person chose in this project, `/mcp` and the question at the first start. */
function choiceBlockers({ name }: PlacedEntry, settings: AgentSettings): readonly string[] {
  const path = "~/.claude.json";
  const project = fieldOf(settings.read(path), "projects", settings.workspace);
  const keys = ["disabledMcpjsonServers", "disabledMcpServers"];
  const found = keys.filter((key) => namesIn(fieldOf(project, key))?.includes(name) === true);
  return found.map((key) => `${path} switches ${name} off in this project (${key})`);
}
