import { TsmcpError } from "../core/errors.ts";
import type { Header } from "../net/http-message.ts";

/** What we say ourselves, or what frames the message. */
const reserved =
  /^(host|connection|content-length|content-type|transfer-encoding|accept|te|upgrade|keep-alive|trailer|last-event-id|mcp-.*)$/;

/** Returns true for a name, in lower case, under which secrets travel. */
export function isSecretHeader(name: string): boolean {
  return secretNames.test(name);
}

const secretNames = /^(authorization|proxy-authorization|cookie)$|(^|[-_])(key|token|secret|password)$/;

/**
 * Returns the header that `K: V` is, each `${env:NAME}` replaced from `env`.
 * Throws `usage-invalid` for a malformed or reserved one and a variable that is not set, and `secret-invalid` for a
 * secret written out, which every process could read. No message shows a value.
 */
export function parseHeaderOption(text: string, env: Readonly<Record<string, string | undefined>>): Header {
  const [, name = "", template = ""] = form.exec(text) ?? [];
  const key = name.toLowerCase();
  if (key === "") throw invalid("it is not of the form 'K: V'", "write it as --header 'X-Name: value'");
  if (reserved.test(key)) throw invalid(`${JSON.stringify(name)} is set by tsmcp itself`, "leave it out");
  if (isSecretHeader(key) && !template.includes("${env:")) {
    throw new TsmcpError({
      code: "secret-invalid",
      message: `--header: the value of ${JSON.stringify(name)} stands on the command line, where every process can read it`,
      hint: `put it into an environment variable and write --header '${name}: \${env:NAME}'`,
    });
  }
  const value = template.replaceAll(placeholder, (_match, variable: string) => {
    const found = env[variable];
    if (found === undefined || found === "") {
      throw invalid(
        `the environment variable ${JSON.stringify(variable)} is not set`,
        `set ${variable}, or leave the header out`,
      );
    }
    return found;
  });
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
    throw invalid(
      `the value of ${JSON.stringify(name)} holds a control character or is not Latin-1`,
      "check the variable",
    );
  return [key, value.trim()];
}

/** Returns the secrets that such options take from `env`. */
export function secretsOfHeaders(
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return texts.flatMap((text) => {
    const [, name = "", template = ""] = form.exec(text) ?? [];
    return secretsOfTemplate({ name, template }, env);
  });
}

/**
 * Returns the secrets that a text takes from `env`: all of it where secrets travel under its name, and what comes from a
 * variable named like one. Shorter ones than a password are none: they stand in any text.
 */
export function secretsOfTemplate(
  { name, template }: { readonly name: string; readonly template: string },
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return [...template.matchAll(placeholder)].flatMap(([, variable = ""]) => {
    const isSecret = isSecretHeader(name.toLowerCase()) || isSecretHeader(variable.toLowerCase());
    const value = env[variable]?.trim() ?? "";
    return isSecret && value.length >= leastSecretLength ? [value] : [];
  });
}

export const leastSecretLength = 8;
const form = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/s;
const placeholder = /\$\{env:([^}]*)\}/g;

function invalid(reason: string, hint: string): TsmcpError {
  return new TsmcpError({ code: "usage-invalid", message: `--header: ${reason}`, hint });
}
