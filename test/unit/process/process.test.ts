import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startDaemon } from "../../../src/process/daemon.ts";
import { identityOf, isAlive, processesOf } from "../../../src/process/identity.ts";
import { stopProcess } from "../../../src/process/stop.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };

async function daemon(script: string, directory = temporaryDirectory()) {
  const start = { file: "sh", args: ["-c", script, "tsmcp-test"], env, logFile: join(directory, "log"), cwd: "/" };
  const started = await startDaemon(start);
  if (started.kind !== "started") throw new Error(`the daemon was ${started.kind}`);
  onTestFinished(() => stopProcess(started.daemon.identity, { graceMs: 0 }));
  return { ...started.daemon, logFile: start.logFile };
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 5_000; !isSo(); await delay(2)) {
    if (performance.now() > end) throw new Error(`not within 5s: ${what}`);
  }
}

test("a daemon has a session of its own, no input, and only the environment it was given", async () => {
  const { identity, logFile, ended } = await daemon(
    "readlink /proc/self/fd/0; env; ps -o sid= -p $$ 2>/dev/null; echo end",
  );
  expect(await ended).toEqual({ kind: "exited", exitCode: 0 });
  const log = readFileSync(logFile, "utf8");
  expect(log).toContain("/dev/null");
  expect(log.split("\n").filter((line) => /^[A-Z_]+=/.test(line) && !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
    `PATH=${env.PATH}`,
  ]);
  expect(isAlive(identity)).toBe(false);
});

test("startDaemon says why when the program cannot be started", async () => {
  const logFile = join(temporaryDirectory(), "log");
  const started = await startDaemon({ file: "/nowhere/program", args: [], env, logFile, cwd: "/" });
  expect(started.kind).toBe("refused");
});

test("startDaemon starts nothing when /proc is missing or of another process namespace", async () => {
  const logFile = join(temporaryDirectory(), "log");
  for (const own of [undefined, "1"]) {
    const start = { file: "sh", args: ["-c", "echo started"], env, logFile, cwd: "/" };
    const started = await startDaemon(start, { identityOf, ownPidInProc: () => own });
    expect(started).toEqual({ kind: "refused", reason: expect.stringContaining("/proc does not show") });
  }
  expect(existsSync(logFile)).toBe(false);
});

test("startDaemon ends what it started, and says why, when /proc does not show it", async () => {
  const logFile = join(temporaryDirectory(), "log");
  const start = { file: "sh", args: ["-c", "sleep 62 & exec sleep 62"], env, logFile, cwd: "/" };
  let pid = 0;
  const hidden = (child: number): undefined => {
    pid = child;
  };
  const started = await startDaemon(start, { identityOf: hidden, ownPidInProc: () => String(process.pid) });
  expect(started).toEqual({ kind: "refused", reason: expect.stringContaining("/proc does not show") });
  await until(() => identityOf(pid) === undefined, "the daemon is gone");
});

test("stopProcess ends a process that listens to SIGTERM", async () => {
  const { identity, ended } = await daemon("exec sleep 60");
  await stopProcess(identity, { graceMs: 5_000 });
  expect(isAlive(identity)).toBe(false);
  expect(await ended).toEqual({ kind: "killed", signal: "SIGTERM" });
});

test("stopProcess kills a process that does not listen, and what it started", async () => {
  const { identity, ended, logFile } = await daemon("trap '' TERM; sleep 61 & echo child $!; while :; do wait; done");
  await until(() => readFileSync(logFile, "utf8").includes("child "), "the child is told");
  const child = Number(/child (\d+)/.exec(readFileSync(logFile, "utf8"))?.[1]);
  const childIdentity = identityOf(child);
  expect(childIdentity).toBeDefined();
  await stopProcess(identity, { graceMs: 50 });
  expect(await ended).toEqual({ kind: "killed", signal: "SIGKILL" });
  await until(() => childIdentity !== undefined && !isAlive(childIdentity), "the child is gone");
});

test("a process that got the number of another one is not taken for it", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  const identity = identityOf(child.pid ?? 0);
  expect(identity !== undefined && isAlive(identity)).toBe(true);
  const other = { pid: child.pid ?? 0, startTicks: "1" };
  expect(isAlive(other)).toBe(false);
  await stopProcess(other, { graceMs: 0 });
  expect(child.exitCode ?? child.signalCode).toBeNull();
});

test("processesOf finds a process by its arguments, and no longer when it has ended", async () => {
  const mark = `tsmcp-mark-${process.pid}`;
  const child = spawn("sh", ["-c", "read line", mark], { stdio: ["pipe", "ignore", "ignore"] });
  const hasMark = (argv: readonly string[]): boolean => argv.includes(mark);
  expect(processesOf(hasMark).map(({ pid }) => pid)).toEqual([child.pid]);
  child.stdin.end();
  await once(child, "exit");
  expect(processesOf(hasMark)).toEqual([]);
});
