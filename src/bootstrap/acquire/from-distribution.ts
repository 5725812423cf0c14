import { existsSync } from "node:fs";
import { run } from "../../process/run.ts";
import { daemonEnvironment } from "../../tailscale/daemon-environment.ts";
import { locateProgram, locatePrograms, type Programs } from "../../tailscale/locate.ts";
import { isAtLeast, parseTailscaleVersion } from "../../tailscale/version.ts";
import type { BootstrapWorld } from "../world.ts";
import type { AcquireRequest } from "./request.ts";

/** How a distribution's package manager tells of the package, and gets it, from the sources that are configured. */
interface PackageManager {
  readonly program: string;
  /** Where another program tells what there is. */
  readonly asked?: string;
  readonly ask: readonly string[];
  /** Finds the version in the answer. */
  readonly version: RegExp;
  readonly install: readonly string[];
}

const managers: readonly PackageManager[] = [
  {
    program: "apt-get",
    asked: "apt-cache",
    ask: ["show", "--no-all-versions", "tailscale"],
    version: /^Version: (?:\d+:)?(\S+)/m,
    install: ["install", "--yes", "--quiet", "--no-install-recommends", "tailscale"],
  },
  {
    program: "dnf",
    ask: ["--quiet", "list", "--available", "tailscale"],
    version: /^tailscale\.\S+\s+(?:\d+:)?(\S+)/m,
    install: ["--quiet", "--assumeyes", "install", "tailscale"],
  },
  {
    program: "apk",
    ask: ["--no-cache", "search", "--exact", "tailscale"],
    version: /^tailscale-(\d\S*)/m,
    install: ["--no-cache", "--no-interactive", "add", "tailscale"],
  },
];

/** The first with all that `up` may ask for; distributions keep old ones for years. */
const oldest = { major: 1, minor: 90, patch: 0 };
const askLimitMs = 30_000;
const installLimitMs = 5 * 60_000;

/** What decides whether the machine itself may be changed. */
export interface MachineFacts {
  readonly isRoot: boolean;
  /** The package would start a daemon of its own there, that nobody asked for. */
  readonly startsServices: boolean;
}

/**
 * Returns the programs of the distribution's package, which it installs; undefined where nobody may, where the configured
 * sources have none that is new enough, where one version, pin, mirror or directory was asked for, and where it fails: there
 * are other ways.
 */
export async function installFromDistribution(
  request: AcquireRequest,
  world: BootstrapWorld,
  machine: MachineFacts = machineFacts(),
): Promise<Extract<Programs, { kind: "found" }> | undefined> {
  if (!request.mayUsePackage || !machine.isRoot || machine.startsServices) return undefined;
  for (const manager of managers) {
    const file = locateProgram(manager.program, world.env);
    const asked = manager.asked === undefined ? file : locateProgram(manager.asked, world.env);
    if (file === undefined || asked === undefined) continue;
    const version = await offeredVersion(asked, manager, world);
    if (version === undefined) continue;
    world.log.info(`installing the distribution's tailscale ${version} with ${file}`);
    const reason = await failureOf({ file, args: manager.install, timeoutMs: installLimitMs }, world);
    const programs = locatePrograms(world.env);
    if (reason === undefined && programs.kind === "found") return programs;
    world.log.warn(`${file} did not install tailscale: ${reason ?? "its programs are not where programs are"}`);
  }
  return undefined;
}

function machineFacts(): MachineFacts {
  // Source: sd_booted(3).
  return { isRoot: process.geteuid?.() === 0, startsServices: existsSync("/run/systemd/system") };
}

async function offeredVersion(
  file: string,
  { ask, version }: PackageManager,
  world: BootstrapWorld,
): Promise<string | undefined> {
  const end = await runQuietly({ file, args: ask, timeoutMs: askLimitMs }, world);
  if (end.kind !== "exited" || end.exitCode !== 0) return undefined;
  const told = version.exec(end.stdout)?.[1];
  const parsed = parseTailscaleVersion(told ?? "");
  return parsed !== undefined && isAtLeast(parsed, oldest) ? told : undefined;
}

interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

async function failureOf(command: Command, world: BootstrapWorld): Promise<string | undefined> {
  const end = await runQuietly(command, world);
  if (end.kind !== "exited") return end.kind === "timeout" ? `it took over ${command.timeoutMs / 1_000} s` : end.kind;
  if (end.exitCode === 0) return undefined;
  return (end.stderr.trim().split("\n").at(-1) ?? "").slice(0, 300) || `exit code ${end.exitCode}`;
}

function runQuietly(command: Command, { env, signal }: BootstrapWorld): ReturnType<typeof run> {
  const programEnv = { ...daemonEnvironment({ env, logsDir: "", deadProxies: [] }), DEBIAN_FRONTEND: "noninteractive" };
  return run({ ...command, env: programEnv, cwd: "/", signal });
}
