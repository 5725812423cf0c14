import type { Environment } from "../core/runtime-directory.ts";
import { Secret } from "../core/secrets.ts";
import { parseHeaderOption } from "../mcp/header-option.ts";
import type { ExtraHeader } from "./context.ts";

/**
 * Returns the header of `NAME: VALUE`, in which `${env:NAME}` stands for a variable, and how to show it: `$NAME`.
 * Throws `usage-invalid` and `secret-invalid` as `parseHeaderOption` does.
 */
export function parseExtraHeader(text: string, env: Environment): ExtraHeader {
  const [name, value] = parseHeaderOption(text, env);
  const template = text.slice(text.indexOf(":") + 1).trim();
  const reference = /\$\{env:([^}]*)\}/g;
  const secrets = [...template.matchAll(reference)].flatMap(([, variable = ""]) => {
    const secret = env[variable]?.trim() ?? "";
    return secret === "" ? [] : [new Secret(secret, variable)];
  });
  return { name, value, shown: template.replaceAll(reference, "$${$1}"), secrets };
}
