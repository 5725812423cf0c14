import type { Environment } from "../core/runtime-directory.ts";
import { parseHeaderOption } from "../mcp/header-option.ts";
import type { ExtraHeader } from "./context.ts";

/**
 * Returns the header of `NAME: VALUE`, in which `${env:NAME}` stands for a variable, and how to show it: `$NAME`.
 * Throws `usage-invalid` and `secret-invalid` as `parseHeaderOption` does.
 */
export function parseExtraHeader(text: string, env: Environment): ExtraHeader {
  const [name, value] = parseHeaderOption(text, env);
  const template = text.slice(text.indexOf(":") + 1).trim();
  return { name, value, shown: template.replaceAll(/\$\{env:([^}]*)\}/g, "$${$1}") };
}
