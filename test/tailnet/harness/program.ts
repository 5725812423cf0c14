import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openBase } from "./open-base.ts";

export interface Ready {
  readonly controlUrl: string;
  readonly apiUrl: string;
  readonly suffix: string;
  readonly caFile: string;
  readonly dns: string;
  readonly public: Readonly<Record<string, string>>;
}

/** A process that outlived the test and was killed at the end. */
export interface Swept {
  readonly pid: number;
  readonly argv: readonly string[];
  /** The rule that says it was ours: mark, home, folder or connection (sweep.go). */
  readonly why: string;
}

export interface Program {
  readonly runDir: string;
  readonly ready: Ready;
  readonly pid: number;
  /** Ends it as the harness's death would, and returns what it had to sweep. */
  end(): Promise<readonly Swept[]>;
}

/** Starts the Go program and returns once everything of it answers. Its life hangs on the pipe to its stdin. */
export async function startProgram(binDir: string, suffix: string | undefined): Promise<Program> {
  const runDir = makeRunDir();
  const logFile = join(runDir, "tailnet.log");
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(join(binDir, "tailnet"), ["-run-dir", runDir, ...(suffix ? ["-suffix", suffix] : [])], {
    env: { PATH: process.env.PATH, HOME: runDir, TS_LOGS_DIR: runDir },
    stdio: ["pipe", "pipe", log],
  });
  closeSync(log);
  const lines = readLines(child);
  try {
    const ready = await lines.next(60_000);
    if (ready === undefined) throw new Error(`the test tailnet did not start:\n${readFileSync(logFile, "utf8")}`);
    if (child.pid === undefined) throw new Error("the test tailnet has no process id");
    return { runDir, ready: JSON.parse(ready), pid: child.pid, end: () => end(child, lines, runDir) };
  } catch (error) {
    child.kill("SIGKILL");
    rmSync(runDir, { recursive: true, force: true });
    throw error;
  }
}

async function end(child: ChildProcess, lines: Lines, runDir: string): Promise<readonly Swept[]> {
  const exited = child.exitCode === null && child.signalCode === null ? once(child, "exit") : Promise.resolve([]);
  child.stdin?.end();
  const last = await lines.next(60_000);
  if (last === undefined) child.kill("SIGKILL");
  await exited;
  const isLeft = existsSync(runDir);
  rmSync(runDir, { recursive: true, force: true });
  if (last === undefined) throw new Error("the test tailnet ended without sweeping");
  if (isLeft) throw new Error(`${runDir} was still there after the sweep`);
  return JSON.parse(last).swept;
}

/** Short, because a unix socket's path has 108 bytes at most, and real, because the sweep compares paths. */
function makeRunDir(): string {
  return mkdtempSync(join(realpathSync(openBase() ?? tmpdir()), "tn-"));
}

interface Lines {
  /** Returns undefined at the end of the output, and when nothing comes in time. */
  next(timeoutMs: number): Promise<string | undefined>;
}

function readLines(child: ChildProcess): Lines {
  if (child.stdout === null) throw new Error("the test tailnet has no stdout");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.once("error", () => {}); // a failed start ends the output, which is what the reader sees
  return {
    async next(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), timeoutMs);
      });
      try {
        return await Promise.race([lines.next().then((line) => (line.done ? undefined : line.value)), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
