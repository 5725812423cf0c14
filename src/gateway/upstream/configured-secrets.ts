import { isSecretHeader, leastSecretLength, secretsOfTemplate } from "../../mcp/header-option.ts";
import type { Header } from "../../net/http-message.ts";
import type { Entry } from "./configured.ts";

/**
 * Returns the secrets that a server has from its entry, to be struck out of what it says: what stands in headers under
 * whose names secrets travel, and what comes from a file or from a variable that is named like a secret. Shorter ones than
 * a password are none: they stand in any text.
 */
export function configuredSecrets({ config, env }: Entry, headers: readonly Header[]): readonly string[] {
  const { headers: texts = {}, env: variables = {} } = config;
  const isFile = (name: string): boolean =>
    Object.entries(texts).some(([key, text]) => key.toLowerCase() === name && text.startsWith("file:"));
  const inHeaders = headers
    .filter(([name]) => isSecretHeader(name) || isFile(name))
    .flatMap(([, value]) => [value, value.replace(scheme, "")]);
  const inVariables = [...Object.entries(texts), ...Object.entries(variables)].flatMap(([key, text]) =>
    secretsOfTemplate({ name: key, template: text }, env),
  );
  return [...new Set([...inHeaders, ...inVariables])].filter(({ length }) => length >= leastSecretLength);
}

/** Source: RFC 9110 §11.4: a scheme, and behind it the credentials, which servers name alone. */
const scheme = /^[A-Za-z][A-Za-z0-9-]* +/;
