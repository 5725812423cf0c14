import type { AgentSettings, PlacedEntry } from "./dialect.ts";
import { listBlockers } from "./server-lists.ts";

/** The file of an enterprise, on Linux and macOS, which Copilot CLI and VS Code obey alike. */
const managedFiles = [
  "/etc/github-copilot/managed-settings.json",
  "/Library/Application Support/GitHubCopilot/managed-settings.json",
] as const;

/** Source: https://docs.github.com/en/copilot/reference/enterprise-administrators/enterprise-managed-settings */
export function copilotBlockers(placed: PlacedEntry, settings: AgentSettings): readonly string[] {
  const files = managedFiles.map((path) => ({ path, settings: settings.read(path) }));
  return listBlockers(placed, { files });
}
