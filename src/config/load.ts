import { join, resolve } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import { type Environment, homeDirectory } from "../core/runtime-directory.ts";
import type { Config } from "./config.ts";
import { configFileName, findConfigUpwards } from "./find.ts";
import { type PlacedDefect, parseConfig } from "./parse.ts";
import { readTextFile } from "./text-file.ts";

/** A configuration file that was read. */
export interface ConfigSource {
  readonly path: string;
  /** False for a file found upwards, which comes with a repository. */
  readonly trusted: boolean;
  /** The file's permissions. */
  readonly mode: number;
  readonly config: Config;
  /** Returns `LINE:COLUMN` of a key such as `servers.notes`. */
  readonly placeOfKey: (path: string) => string;
}

/** The configuration files that apply, the strongest first. */
export interface LoadedConfig {
  readonly sources: readonly ConfigSource[];
}

export interface ConfigWorld {
  readonly env: Environment;
  readonly cwd: string;
  /** `--config` or `TSMCP_CONFIG`. */
  readonly configFile?: string | undefined;
}

const maxConfigBytes = 1024 * 1024;

/**
 * Returns the configuration: the file named by `--config` alone, else the user's own
 * (`$XDG_CONFIG_HOME/tsmcp/tsmcp.config.json` or `config.json` there; `~/.config` by default) and then the one found
 * upwards from the working directory, which is not trusted and so stands behind it.
 * Throws `config-invalid` with every defect at once, and `config-untrusted` when a file found upwards sets more than it
 * may.
 */
export function loadConfig(world: ConfigWorld): LoadedConfig {
  if (world.configFile !== undefined) {
    const path = resolve(world.cwd, world.configFile);
    const source = readConfig(path, true);
    if (source === undefined) {
      throw new TsmcpError({
        code: "config-invalid",
        message: `${JSON.stringify(path)} does not exist`,
        hint: "check the path given to --config",
      });
    }
    return { sources: [source] };
  }
  const home = homeDirectory(world.env);
  const own = ownConfigPaths(world.env, home).flatMap((path) => readConfig(path, true, { isImplicit: true }) ?? []);
  const foundPath = findConfigUpwards(world.cwd, home);
  const isOwn = own.some((source) => source.path === foundPath);
  const found = foundPath === undefined || isOwn ? undefined : readConfig(foundPath, false);
  return { sources: [...own.slice(0, 1), ...(found === undefined ? [] : [found])] };
}

/** XDG Base Directory Specification: a relative XDG_CONFIG_HOME counts as unset. */
function ownConfigPaths(env: Environment, home: string | undefined): readonly string[] {
  const given = env.XDG_CONFIG_HOME;
  const root = given?.startsWith("/") === true ? given : home === undefined ? undefined : join(home, ".config");
  return root === undefined ? [] : [configFileName, "config.json"].map((name) => join(root, "tsmcp", name));
}

function readConfig(path: string, trusted: boolean, { isImplicit = false } = {}): ConfigSource | undefined {
  const file = readTextFile(path, maxConfigBytes);
  // A service keeps root's HOME, which it cannot look into, and named no file there.
  if (isImplicit && file.status === "invalid" && file.code === "EACCES") return undefined;
  if (file.status === "missing") return undefined;
  if (file.status === "invalid") throw invalid(path, [`${printable(path)} ${file.reason}`]);
  const uid = process.getuid?.();
  if (trusted && file.uid !== 0 && uid !== undefined && uid !== 0 && file.uid !== uid) {
    throw new TsmcpError({
      code: "config-untrusted",
      message: `${JSON.stringify(path)} belongs to user ${file.uid}, who could change what tsmcp does`,
      hint: `make it yours: chown ${uid}`,
    });
  }
  const parsed = parseConfig(file.text, { trusted });
  if (parsed.status === "ok")
    return { path, trusted, mode: file.mode, config: parsed.config, placeOfKey: parsed.placeOfKey };
  const lines = parsed.defects.map((defect) => defectLine(path, defect));
  throw parsed.untrusted ? untrusted(path, lines) : invalid(path, lines);
}

function defectLine(path: string, { place, path: key, message }: PlacedDefect): string {
  return `${printable(path)}:${place}: ${key === "" ? "" : `${printable(key)}: `}${message}`;
}

function invalid(path: string, defects: readonly string[]): TsmcpError {
  return new TsmcpError({
    code: "config-invalid",
    message: message(`${printable(path)} has ${defects.length} defects`, defects),
    hint: "mend the file there, or pass --config with another one",
    facts: { file: path, defects },
  });
}

function untrusted(path: string, defects: readonly string[]): TsmcpError {
  return new TsmcpError({
    code: "config-untrusted",
    message: message(`${printable(path)} was found upwards from here and sets more than such a file may`, defects),
    hint: "pass --config to use this file, if you trust who wrote it",
    facts: { file: path, defects },
  });
}

/** One defect is the message; several stand below a line that introduces them. */
function message(heading: string, defects: readonly string[]): string {
  return defects.length === 1 ? (defects[0] ?? heading) : [heading, ...defects].join("\n  ");
}

/** A file name or key may hold what would colour a terminal or feign a line. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
