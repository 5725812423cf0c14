import { resolve } from "node:path";
import { dataOf, parseJsonc } from "../config/jsonc.ts";
import { readTextFile } from "../config/text-file.ts";
import type { ReadSettings } from "./dialect.ts";

/** Agents' settings have some kilobytes; a larger file is something else. */
const maxFileBytes = 1024 * 1024;

/** Returns what reads the settings that stand beside an agent's servers. They are the agent's own: what cannot be read is passed over. */
export function settingsReader(workspace: string): ReadSettings {
  return (path) => {
    const file = readTextFile(resolve(workspace, path), maxFileBytes);
    if (file.status !== "ok") return undefined;
    const parsed = parseJsonc(file.text);
    return parsed.status === "ok" ? dataOf(parsed.root) : undefined;
  };
}
