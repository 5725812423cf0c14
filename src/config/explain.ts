import type { Environment } from "../core/runtime-directory.ts";
import type { LoadedConfig } from "./load.ts";
import { hidePassword } from "./server.ts";
import { serversOf } from "./servers.ts";
import { credentialVariables, fromFiles, settings, variableText } from "./settings.ts";

/** One effective value and where it comes from: an environment variable, `FILE:LINE:COLUMN` or `default`. */
export interface ExplainedValue {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
}

/**
 * Returns every effective value of the configuration, in the order of the schema, with its origin. Credentials are told
 * as `"(set)"`; a user and password in a URL are struck out.
 */
export function explainConfig({ loaded, env }: { loaded: LoadedConfig; env: Environment }): ExplainedValue[] {
  return [
    ...explainServers(loaded),
    ...Object.values(settings).map((setting) => {
      const text = variableText(env, setting.variable);
      if (text !== undefined) return { key: setting.key, value: hidePassword(text), origin: setting.variable };
      const { value, origin } = fromFiles<unknown>(setting, loaded);
      return { key: setting.key, value: value ?? null, origin };
    }),
    ...explainGateway(loaded),
    ...credentialVariables.flatMap((name) =>
      variableText(env, name) === undefined ? [] : [{ key: name, value: "(set)", origin: name }],
    ),
  ];
}

function explainServers(loaded: LoadedConfig): ExplainedValue[] {
  return [...serversOf(loaded).values()].flatMap((server) => {
    const { name, origin, derived, expect, probe } = server;
    const urls = server.publicUrls;
    const value = server.publicClosed ? null : (urls?.at(-1) ?? null);
    return [
      {
        key: `servers.${name}.tailnetUrl`,
        value: server.tailnetUrl,
        origin: derived === "tailnet" ? `from publicUrl in ${origin}` : origin,
      },
      {
        key: `servers.${name}.publicUrl`,
        value,
        origin: derived === "public" && !server.publicClosed ? `from tailnetUrl in ${origin}` : origin,
      },
      ...(expect === undefined ? [] : [{ key: `servers.${name}.expect`, value: expect, origin }]),
      ...(probe === undefined ? [] : [{ key: `servers.${name}.probe`, value: probe, origin }]),
    ];
  });
}

function explainGateway(loaded: LoadedConfig): ExplainedValue[] {
  const source = loaded.sources.find(({ config }) => config.gateway !== undefined);
  if (source === undefined) return [];
  return Object.entries(source.config.gateway ?? {}).map(([key, value]) => ({
    key: `gateway.${key}`,
    value: key === "upstreams" ? withoutEnvironments(value) : value,
    origin: `${source.path}:${source.placeOfKey(`gateway.${key}`)}`,
  }));
}

/** What a child gets in its environment may be a secret. */
function withoutEnvironments(upstreams: object): unknown {
  return JSON.parse(
    JSON.stringify(upstreams, (key, value: unknown) =>
      key === "env" && typeof value === "object" && value !== null
        ? Object.fromEntries(Object.keys(value).map((name) => [name, "(set)"]))
        : value,
    ),
  );
}
