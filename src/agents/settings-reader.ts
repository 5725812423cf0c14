import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { dataOf, parseJsonc } from "../config/jsonc.ts";
import { readTextFile } from "../config/text-file.ts";
import type { Environment } from "../core/runtime-directory.ts";
import type { AgentSettings } from "./dialect.ts";
import { parseToml } from "./toml-entries.ts";

/** Agents' settings have some kilobytes; a larger file is something else. */
const maxFileBytes = 1024 * 1024;

/** Returns what reads the settings that stand beside an agent's servers. They are the agent's own: what cannot be read is passed over. */
export function settingsReader(workspace: string, env: Environment): AgentSettings {
  const { HOME } = env;
  const locate = (path: string): string | undefined => {
    if (!path.startsWith("~/")) return resolve(workspace, path);
    return HOME?.startsWith("/") === true ? join(HOME, path.slice(2)) : undefined;
  };
  return {
    workspace,
    env,
    read(path) {
      const place = locate(path);
      const file = place === undefined ? undefined : readTextFile(place, maxFileBytes);
      if (file?.status !== "ok") return undefined;
      if (path.endsWith(".toml")) {
        const toml = parseToml(file.text);
        return toml.status === "ok" ? toml.data : undefined;
      }
      const parsed = parseJsonc(file.text);
      return parsed.status === "ok" ? dataOf(parsed.root) : undefined;
    },
    filesIn(directory) {
      try {
        const names = readdirSync(locate(directory) ?? "").filter((name) => name.endsWith(".json"));
        return names.sort().map((name) => `${directory}/${name}`);
      } catch {
        return [];
      }
    },
  };
}
