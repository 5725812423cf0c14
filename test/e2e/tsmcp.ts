import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tailnet } from "../tailnet/harness/tailnet.ts";

/** The launchers; `npm run build` makes what they load. */
export const binDir = fileURLToPath(new URL("../../bin", import.meta.url));

/** A machine of the test's own: an empty home and workspace, and the environment of a login there. */
export interface Machine {
  readonly home: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

/** Returns a machine whose `up` joins `tailnet`. What is left of it is swept with the tailnet. */
export function machineOn(tailnet: Tailnet): Machine {
  const home = tailnet.tempDir();
  const workspace = join(home, "work");
  mkdirSync(workspace);
  const env = {
    ...tailnet.env(),
    HOME: home,
    TSMCP_LOGIN_SERVER: tailnet.controlUrl,
    TSMCP_PROXY: "127.0.0.1:0",
    TS_NO_LOGS_NO_SUPPORT: "true",
  };
  return { home, workspace, env };
}

/** Runs `tsmcp` to its end. Nothing of this process's environment gets there. */
export function tsmcp(
  args: readonly string[],
  machine: Pick<Machine, "env" | "workspace">,
  extra: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return startTsmcp(args, machine, extra).outcome;
}

export function startTsmcp(
  args: readonly string[],
  machine: Pick<Machine, "env" | "workspace">,
  extra: Readonly<Record<string, string>> = {},
): Running {
  return startProgram(process.execPath, [join(binDir, "tsmcp"), ...args], machine, extra);
}

export function startProgram(
  file: string,
  args: readonly string[],
  machine: Pick<Machine, "env" | "workspace">,
  extra: Readonly<Record<string, string>> = {},
): Running {
  const start = performance.now();
  const child = spawn(file, args, {
    cwd: machine.workspace,
    env: { ...machine.env, ...extra },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.stderr += text;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) =>
      resolve({ exitCode, signal, ...texts, durationMs: performance.now() - start }),
    );
  });
  return { child, outcome };
}

/** What `up --json` prints, as far as the tests read it. */
export interface UpJson {
  readonly steps: readonly { readonly id: string; readonly status: string; readonly detail: string }[];
  readonly node: { readonly name: string; readonly ips: readonly string[]; readonly tags: readonly string[] };
  readonly proxy: string;
  readonly files: readonly string[];
}

/** Returns each step's status by its id. */
export function statuses({ stdout }: Outcome): Record<string, string> {
  const report: UpJson = JSON.parse(stdout);
  return Object.fromEntries(report.steps.map(({ id, status }) => [id, status]));
}

/** Returns the processes, but for zombies, that name `text` in their arguments. */
export function processesNaming(text: string): { pid: number; argv: readonly string[] }[] {
  return readdirSync("/proc").flatMap((name) => {
    const argv = /^\d+$/.test(name) ? textOf(`/proc/${name}/cmdline`).split("\0").slice(0, -1) : [];
    return argv.some((argument) => argument.includes(text)) ? [{ pid: Number(name), argv }] : [];
  });
}

/** Returns every file below `directory`, by its path from there. Not "recursive", which follows links in Node.js 24. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const below = entry.isDirectory() ? filesBelow(join(directory, entry.name)) : undefined;
      return below?.map((path) => join(entry.name, path)) ?? [entry.name];
    })
    .sort();
}

export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
