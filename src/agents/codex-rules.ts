import type { AgentEntry, AgentSettings, PlacedEntry } from "./dialect.ts";
import { fieldOf } from "./entry-forms.ts";

/** An administrator's: only servers that it names, and that start or call what it says, are used. */
const requirementsFile = "/etc/codex/requirements.toml";

/**
 * Returns what keeps Codex from using an entry of the project's file. Tables of the user's file and of the project's are
 * one, so that what stands in the former alone holds. Source: https://developers.openai.com/codex/config-reference
 */
export function codexBlockers({ name, entry }: PlacedEntry, settings: AgentSettings): readonly string[] {
  const { CODEX_HOME } = settings.env;
  const userFile = CODEX_HOME?.startsWith("/") === true ? `${CODEX_HOME}/config.toml` : "~/.codex/config.toml";
  const user = settings.read(userFile);
  const own = fieldOf(user, "mcp_servers", name);
  const isOther = entry.kind === "command" ? fieldOf(own, "url") !== undefined : fieldOf(own, "command") !== undefined;
  const required = fieldOf(settings.read(requirementsFile), "mcp_servers");
  const isRequired = required === undefined || isIdentity(fieldOf(required, name, "identity"), entry);
  return [
    ...(fieldOf(user, "projects", settings.workspace, "trust_level") === "untrusted"
      ? [`${userFile} does not trust this project (trust_level)`]
      : []),
    ...(fieldOf(own, "enabled") === false ? [`${userFile} switches ${name} off (enabled)`] : []),
    ...(isOther ? [`${userFile} has another server named ${name}, and Codex mixes the two`] : []),
    ...(isRequired ? [] : [`${requirementsFile} does not allow ${name} (mcp_servers)`]),
  ];
}

/** `command = "…"` says the program; as a table it says every argument too. Source: openai/codex `config_requirements.rs`. */
function isIdentity(identity: unknown, entry: AgentEntry): boolean {
  if (entry.kind === "url") return fieldOf(identity, "url") === entry.url;
  const command = fieldOf(identity, "command");
  if (typeof command === "string") return command === entry.command;
  const matchers = fieldOf(command, "args");
  if (fieldOf(command, "executable") !== entry.command) return false;
  if (!Array.isArray(matchers)) return matchers === undefined && entry.args.length === 0;
  return matchers.length === entry.args.length && entry.args.every((arg, index) => isMatch(matchers[index], arg));
}

function isMatch(matcher: unknown, arg: string): boolean {
  const value = fieldOf(matcher, "value");
  switch (fieldOf(matcher, "match")) {
    case "exact":
      return value === arg;
    case "prefix":
      return typeof value === "string" && arg.startsWith(value);
    default:
      // An expression of another language's dialect: what it says cannot be told here.
      return fieldOf(matcher, "expression") !== undefined;
  }
}
