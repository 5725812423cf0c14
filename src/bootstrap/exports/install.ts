import { readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ExportMode } from "../../config/config.ts";
import { TsmcpError } from "../../core/errors.ts";
import { machineName } from "../../core/machine.ts";
import { makeDirectories } from "../../core/make-directories.ts";
import type { BootRecord, JsonObject, ProcessIdentity } from "../../core/record.ts";
import { replaceFile } from "../../core/replace-file.ts";
import { homeDirectory, makeOwnDirectory, type RuntimeWorld } from "../../core/runtime-directory.ts";
import type { ListenAddress } from "../../tailscale/daemon-arguments.ts";
import { appendToGithubEnv } from "./github-env.ts";
import { hookScript } from "./hook-script.ts";
import { addToProfiles, removeFromProfiles } from "./profile-files.ts";
import { foreignProxyVariables, proxyVariables, type Variable } from "./variables.ts";

/** What `up` exports, and to whom. */
export interface ExportRequest {
  readonly mode: ExportMode;
  readonly proxy: ListenAddress;
  readonly daemon: ProcessIdentity | undefined;
  /** `exports` of the boot's record. */
  readonly recorded: BootRecord["exports"];
}

export interface InstalledExports {
  readonly changed: boolean;
  readonly files: readonly string[];
  /** `exports` for the boot's record. */
  readonly records: readonly JsonObject[];
  readonly detail: string;
}

/**
 * Makes new shells, or the later steps of a job, use the proxy, as `mode` says. What an earlier run exported in another
 * mode is taken back.
 * Throws `file-unwritable`, and `usage-invalid` for `github` outside GitHub Actions.
 */
export function installExports(request: ExportRequest, world: RuntimeWorld): InstalledExports {
  const stale = request.recorded.filter(({ mode }) => mode !== request.mode);
  const removed = stale.length > 0 && removeExports(stale, world).files.length > 0;
  const installed = installIn(request, world);
  return { ...installed, changed: installed.changed || removed };
}

export interface RemovedExports {
  readonly files: readonly string[];
  /** Why something could not be taken back, a sentence each. */
  readonly left: readonly string[];
}

/** Takes back what was recorded, and every block in a profile whose file is gone; what cannot be taken back is told. */
export function removeExports(recorded: readonly JsonObject[], world: RuntimeWorld): RemovedExports {
  const variables = recorded.flatMap(recordedVariables);
  const github = variables.length > 0 && (world.env.GITHUB_ENV ?? "") !== "";
  const file = github ? [appendToGithubEnv(variables, world.env)] : [];
  const hook = removeProfileHook(world);
  return { files: [...file, ...hook.files], left: hook.left };
}

function installIn(request: ExportRequest, world: RuntimeWorld): InstalledExports {
  switch (request.mode) {
    case "none":
      return { changed: false, files: [], records: [], detail: "nothing is exported" };
    case "profile":
      return installProfileHook(request, world);
    case "github":
    case "github-all":
      return exportToJob(request, world);
  }
}

function installProfileHook({ proxy, daemon }: ExportRequest, world: RuntimeWorld): InstalledExports {
  const home = homeDirectory(world.env);
  if (home === undefined) {
    throw new TsmcpError({
      code: "file-unwritable",
      message: "there is no home directory of this user to write a profile in",
      hint: 'set HOME, or pass --export none and use eval "$(tsmcp env)" instead',
    });
  }
  const script = scriptPath(home, world);
  const uid = process.getuid?.() ?? 0;
  const text = hookScript({ bootId: bootId(world), proxy, daemon, uid });
  const isNew = readOrNone(script) !== text;
  if (isNew) {
    makeDirectories(dirname(dirname(dirname(script))), 0o755);
    makeOwnDirectory(dirname(dirname(script)));
    makeOwnDirectory(dirname(script));
    replaceFile(script, Buffer.from(text), { mode: 0o600, uid, gid: process.getgid?.() ?? 0 });
  }
  const profiles = addToProfiles({ home, env: world.env, script });
  return {
    changed: isNew || profiles.changed,
    files: [script, ...profiles.files],
    records: [{ mode: "profile", files: [...profiles.files] }],
    detail: [
      "new shells use the proxy while it answers",
      ...profiles.left.map(({ message }) => `left ${message}`),
    ].join("; "),
  };
}

function removeProfileHook(world: RuntimeWorld): RemovedExports {
  const home = homeDirectory(world.env);
  if (home === undefined) return { files: [], left: [] };
  const script = scriptPath(home, world);
  const profiles = removeFromProfiles({ home, script });
  const left = profiles.left.map(({ message }) => message);
  if (readOrNone(script) === undefined) return { files: profiles.files, left };
  rmSync(script);
  for (const directory of [dirname(script), dirname(dirname(script))]) {
    try {
      rmdirSync(directory);
    } catch {
      // The record and the daemon's files may lie there too.
      break;
    }
  }
  return { files: [script, ...profiles.files], left };
}

function exportToJob({ mode, proxy, recorded }: ExportRequest, world: RuntimeWorld): InstalledExports {
  const all = proxyVariables(proxy, world.env);
  // A proxy that the platform set stays: it may be the only way out.
  const foreign = foreignProxyVariables(proxy, world.env);
  const own = all.filter(([name]) => name === "TSMCP_PROXY");
  const variables = mode === "github-all" && foreign.length === 0 ? all : own;
  const isKnown = recorded.some((record) => record.mode === mode && record.proxy === own[0]?.[1]);
  const path = isKnown ? (world.env.GITHUB_ENV ?? "") : appendToGithubEnv(variables, world.env);
  const before = (name: string): string => (/^no_proxy$/i.test(name) ? (world.env[name] ?? "") : "");
  const record = {
    mode,
    proxy: own[0]?.[1] ?? "",
    variables: Object.fromEntries(variables.map(([name]) => [name, before(name)])),
  };
  return {
    changed: !isKnown,
    files: path === "" ? [] : [path],
    records: isKnown ? recorded.filter((one) => one.mode === mode) : [record],
    detail:
      foreign.length > 0
        ? `only TSMCP_PROXY, because ${foreign.join(", ")} is set`
        : "later steps of the job use the proxy",
  };
}

/** Returns what gives each exported variable back the value it had: mostly none. */
function recordedVariables(record: JsonObject): readonly Variable[] {
  const { variables } = record;
  if (typeof variables !== "object" || variables === null || Array.isArray(variables)) return [];
  return Object.entries(variables).flatMap(([name, value]): Variable[] =>
    typeof value === "string" ? [[name, value]] : [],
  );
}

/**
 * Always under the home directory, never in /dev/shm: what a profile sources must not lie where somebody else could put
 * it after a reboot.
 */
function scriptPath(home: string, { procDirectory }: RuntimeWorld): string {
  return join(home, ".local/state/tsmcp", machineName(procDirectory), "proxy.sh");
}

function bootId({ procDirectory = "/proc" }: RuntimeWorld): string {
  return (readOrNone(`${procDirectory}/sys/kernel/random/boot_id`) ?? "").trim();
}

function readOrNone(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
