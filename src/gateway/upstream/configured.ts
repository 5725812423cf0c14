import type { UpstreamConfig } from "../../config/config.ts";
import { TsmcpError } from "../../core/errors.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { readSecret } from "../../core/secrets.ts";
import { isSecretHeader } from "../../mcp/header-option.ts";
import type { Header } from "../../net/http-message.ts";
import { findSystemUser, type SystemUser } from "../../process/system-user.ts";

/** One entry of `gateway.upstreams`. */
export interface Entry {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly env: Environment;
}

/** What we say ourselves, what frames a message, and what tells a server who calls. */
const reserved =
  /^(host|connection|content-(length|type|encoding)|transfer-encoding|accept(-encoding)?|te|upgrade|keep-alive|trailer|expect|last-event-id|origin|forwarded|mcp-.*|tailscale-.*|x-forwarded-.*)$/;

/** Returns the headers that go to a server over HTTP with every request. Throws `config-invalid` and `secret-invalid`. */
export function configuredHeaders(entry: Entry): Header[] {
  const { tokenEnv, headers = {} } = entry.config;
  const token: Header[] =
    tokenEnv === undefined ? [] : [["authorization", `Bearer ${variableValue(tokenEnv, "tokenEnv", entry)}`]];
  const configured = Object.entries(headers).map(([name, text]) => configuredHeader(name, text, entry));
  const all = [...token, ...configured];
  const twice = all.find(([name], at) => all.findIndex(([other]) => other === name) !== at);
  if (twice !== undefined) throw invalid(entry, `the header ${JSON.stringify(twice[0])} is set twice`);
  return all;
}

function configuredHeader(name: string, text: string, entry: Entry): Header {
  const key = name.toLowerCase();
  const label = `headers.${name}`;
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key)) throw invalid(entry, `${JSON.stringify(name)} is no name of a header`);
  if (reserved.test(key)) throw invalid(entry, `the header ${JSON.stringify(name)} is set by tsmcp itself`);
  const value = headerValue(text, label, entry);
  if (isSecretHeader(key) && value === text) {
    throw new TsmcpError({
      code: "secret-invalid",
      message: `gateway.upstreams.${entry.name}: a secret stands in the configuration, under ${JSON.stringify(label)}`,
      hint: "write ${env:NAME}, or file:PATH with mode 0600",
    });
  }
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw invalid(entry, `the value of the header ${JSON.stringify(name)} holds what no header can`);
  }
  return [key, value.trim()];
}

function headerValue(text: string, label: string, entry: Entry): string {
  if (!text.startsWith("file:")) return withVariables(text, label, entry);
  const origin = `gateway.upstreams.${entry.name}.${label}`;
  return readSecret({ text, origin, fromEnvironment: false }).reveal();
}

/** What is configured, and what every program needs to find others and its files; nothing else of ours. */
export function configuredEnvironment(entry: Entry, user: SystemUser | undefined): Record<string, string> {
  const { config, env } = entry;
  const home = user?.home ?? env.HOME;
  const needed = [["PATH", env.PATH] as const, ["HOME", home] as const].flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  const configured = Object.entries(config.env ?? {}).map(([key, text]) => [
    key,
    withVariables(text, `env.${key}`, entry),
  ]);
  return Object.fromEntries([...needed, ...configured]);
}

/** Returns whom the program runs as where that is not our own user. Throws `config-invalid`. */
export function configuredUser(entry: Entry): SystemUser | undefined {
  const { user: text } = entry.config;
  if (text === undefined) return undefined;
  const user = findSystemUser(text);
  if (user === undefined) {
    throw invalid(entry, `there is no user ${JSON.stringify(text)}`, "name a user of this machine, or write UID:GID");
  }
  const own = process.getuid?.();
  if (user.uid === own) return undefined;
  if (own === 0) return user;
  throw invalid(entry, "only root can start a program as another user", "run the gateway as root, or leave user out");
}

function withVariables(text: string, label: string, entry: Entry): string {
  return text.replaceAll(/\$\{env:([^}]*)\}/g, (_match, variable: string) => variableValue(variable, label, entry));
}

function variableValue(variable: string, label: string, entry: Entry): string {
  const value = entry.env[variable];
  if (value !== undefined && value !== "") return value;
  throw invalid(entry, `the environment variable ${JSON.stringify(variable)}, which "${label}" names, is not set`);
}

export function invalid({ name }: Pick<Entry, "name">, reason: string, hint = "mend the configuration"): TsmcpError {
  return new TsmcpError({ code: "config-invalid", message: `gateway.upstreams.${name}: ${reason}`, hint });
}
