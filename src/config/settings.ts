import type { Environment } from "../core/runtime-directory.ts";
import type { Config, ExportMode } from "./config.ts";
import type { LoadedConfig } from "./load.ts";

/** Where Tailscale keeps its archives. */
export const usualMirror = "https://pkgs.tailscale.com/stable/";

/** What `up` can be told by option, environment and file alike; undefined leaves it to Tailscale. */
export interface Settings {
  readonly agents: readonly string[];
  readonly hostname: string | undefined;
  readonly advertiseTags: readonly string[];
  readonly acceptRoutes: boolean;
  readonly loginServer: string | undefined;
  readonly tailscaleVersion: string | undefined;
  readonly mirror: string;
  readonly sha256: readonly string[];
  readonly proxy: string;
  /** Undefined: `profile` in a known agent VM, else `none`. */
  readonly exports: ExportMode | undefined;
}

/** The settings that were typed, or stand in a variable. */
export type GivenSettings = { readonly [Name in keyof Settings]?: Settings[Name] | undefined };

/** Each setting: its key in the file, its variable, and its value when nobody says anything. */
export const settings: { readonly [Name in keyof Settings]: Setting<Settings[Name]> } = {
  agents: {
    key: "agents",
    variable: "TSMCP_AGENT",
    fallback: ["auto"],
    read: (config) => config.agents,
  },
  hostname: {
    key: "tailscale.hostname",
    variable: "TSMCP_HOSTNAME",
    fallback: undefined,
    read: (config) => config.tailscale?.hostname,
  },
  advertiseTags: {
    key: "tailscale.advertiseTags",
    variable: "TSMCP_ADVERTISE_TAGS",
    fallback: [],
    read: (config) => config.tailscale?.advertiseTags,
  },
  acceptRoutes: {
    key: "tailscale.acceptRoutes",
    variable: "TSMCP_ACCEPT_ROUTES",
    fallback: false,
    read: (config) => config.tailscale?.acceptRoutes,
  },
  loginServer: {
    key: "tailscale.loginServer",
    variable: "TSMCP_LOGIN_SERVER",
    fallback: undefined,
    read: (config) => config.tailscale?.loginServer,
  },
  tailscaleVersion: {
    key: "tailscale.version",
    variable: "TSMCP_TAILSCALE_VERSION",
    fallback: undefined,
    read: (config) => config.tailscale?.version,
  },
  mirror: {
    key: "tailscale.mirror",
    variable: "TSMCP_MIRROR",
    fallback: usualMirror,
    read: (config) => config.tailscale?.mirror,
  },
  sha256: {
    key: "tailscale.sha256",
    variable: "TSMCP_SHA256",
    fallback: [],
    read: (config) => config.tailscale?.sha256,
  },
  proxy: {
    key: "proxy.listen",
    variable: "TSMCP_PROXY",
    fallback: "127.0.0.1:1055",
    read: (config) => config.proxy?.listen,
  },
  exports: {
    key: "proxy.exports",
    variable: "TSMCP_EXPORT",
    fallback: undefined,
    read: (config) => config.proxy?.exports,
  },
};

export interface Setting<Value> {
  readonly key: string;
  readonly variable: string;
  readonly fallback: Value;
  readonly read: (config: Config) => Value | undefined;
}

/** Tailscale's own variables, which hold secrets or name who logs in: told as set or not, never shown. */
export const credentialVariables = ["TS_AUTHKEY", "TS_CLIENT_ID", "TS_CLIENT_SECRET", "TS_ID_TOKEN"] as const;

/**
 * Returns the value of every setting: as `given` (by option or its variable), else by the strongest file that sets it,
 * else the default.
 */
export function settingsOf(given: GivenSettings, loaded: LoadedConfig): Settings {
  return {
    agents: given.agents ?? fromFiles(settings.agents, loaded).value,
    hostname: given.hostname ?? fromFiles(settings.hostname, loaded).value,
    advertiseTags: given.advertiseTags ?? fromFiles(settings.advertiseTags, loaded).value,
    acceptRoutes: given.acceptRoutes ?? fromFiles(settings.acceptRoutes, loaded).value,
    loginServer: given.loginServer ?? fromFiles(settings.loginServer, loaded).value,
    tailscaleVersion: given.tailscaleVersion ?? fromFiles(settings.tailscaleVersion, loaded).value,
    mirror: given.mirror ?? fromFiles(settings.mirror, loaded).value,
    sha256: given.sha256 ?? fromFiles(settings.sha256, loaded).value,
    proxy: given.proxy ?? fromFiles(settings.proxy, loaded).value,
    exports: given.exports ?? fromFiles(settings.exports, loaded).value,
  };
}

/** Returns the value of a setting and where it stands: `FILE:LINE:COLUMN`, or `default`. */
export function fromFiles<Value>(setting: Setting<Value>, loaded: LoadedConfig): { value: Value; origin: string } {
  for (const source of loaded.sources) {
    const value = setting.read(source.config);
    if (value !== undefined) return { value, origin: `${source.path}:${source.placeOfKey(setting.key)}` };
  }
  return { value: setting.fallback, origin: "default" };
}

/** Returns the text of a variable, or undefined when it is unset or empty, which counts as unset. */
export function variableText(env: Environment, name: string): string | undefined {
  return env[name] === "" ? undefined : env[name];
}
