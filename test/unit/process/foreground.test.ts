import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { runInForeground } from "../../../src/process/foreground.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tsmcp-foreground-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const place = () => ({ env: { PATH: process.env.PATH }, cwd: root });

describe("runInForeground", () => {
  test.each([0, 1, 7, 255])("tells the exit code when it is %d", async (exitCode) => {
    expect(await runInForeground(["sh", "-c", `exit ${exitCode}`], place())).toEqual({ kind: "exited", exitCode });
  });

  test("tells the signal when one ended the program", async () => {
    expect(await runInForeground(["sh", "-c", "kill -KILL $$"], place())).toEqual({
      kind: "killed",
      signal: "SIGKILL",
    });
  });

  test("hands arguments on as they are, with no shell between", async () => {
    const end = await runInForeground(["sh", "-c", 'test "$1" = "\\$(exit 3)\n\'"', "sh", "$(exit 3)\n'"], place());
    expect(end).toEqual({ kind: "exited", exitCode: 0 });
  });

  test("tells that a program is missing, or cannot be started", async () => {
    writeFileSync(join(root, "plain"), "text", { mode: 0o644 });
    expect(await runInForeground(["no-such-program-here"], place())).toEqual({ kind: "missing" });
    expect(await runInForeground([join(root, "plain")], place())).toEqual({ kind: "not-executable", reason: "EACCES" });
  });

  test("leaves no handler behind", async () => {
    const before = process.listenerCount("SIGTERM");
    await runInForeground(["true"], place());
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"] as const)(
    "hands on %s, and lives as long as the program",
    async (signal) => {
      const runner = startRunner(
        `trap 'echo got; exit 5' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`,
      );
      const output = collect(runner);
      await expect.poll(output).toContain("ready");
      runner.kill(signal);
      const [exitCode] = await once(runner, "exit");
      expect([output(), exitCode]).toEqual(["ready\ngot\n", 5]);
    },
  );
  test.runIf(existsSync("/usr/bin/script"))(
    "hands on what was sent to it alone, and not what a terminal sent to both",
    async () => {
      const { terminal, pid, output } = await startInTerminal(
        "trap 'echo got' INT; trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done",
      );
      terminal.stdin?.write("\u0003");
      await expect.poll(output).toContain("got");
      process.kill(pid, "SIGINT");
      await expect.poll(() => output().match(/got/g)?.length).toBe(2);
      process.kill(pid, "SIGTERM");
      const [exitCode] = await once(terminal, "exit");
      expect([output().match(/got/g)?.length, exitCode]).toEqual([2, 5]);
    },
  );
});

async function startInTerminal(script: string): Promise<{ terminal: ChildProcess; pid: number; output: () => string }> {
  const [file, ...args] = runnerOf(script);
  const command = [file, ...args].map((text) => `'${text?.replaceAll("'", "'\\''")}'`).join(" ");
  const cwd = fileURLToPath(new URL("../../..", import.meta.url));
  const terminal = spawn("/usr/bin/script", ["-qefc", `exec ${command}`, "/dev/null"], { cwd, detached: true });
  onTestFinished(() => killGroup(terminal));
  const output = collect(terminal);
  await expect.poll(output).toContain("ready");
  return { terminal, pid: Number(/runner (\d+)/.exec(output())?.[1]), output };
}

/** A process of its own, because a signal goes to a whole process. */
function startRunner(script: string): ChildProcess {
  const [file, ...args] = runnerOf(script);
  const cwd = fileURLToPath(new URL("../../..", import.meta.url));
  // A group of its own, so that a test that fails leaves neither of the two behind.
  const runner = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "ignore"], detached: true });
  onTestFinished(() => killGroup(runner));
  return runner;
}

function runnerOf(script: string): [string, ...string[]] {
  const module = fileURLToPath(new URL("../../../src/process/foreground.ts", import.meta.url));
  const program = `import { runInForeground } from ${JSON.stringify(module)};
    process.stderr.write("runner " + process.pid + "\\n");
    const end = await runInForeground(["sh", "-c", ${JSON.stringify(script)}], { env: process.env, cwd: "/" });
    process.exit(end.exitCode ?? 99);`;
  return [process.execPath, "--import", "tsx", "--input-type=module", "-e", program];
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended, as it should.
  }
}

function collect(child: ChildProcess): () => string {
  let text = "";
  child.stdout?.on("data", (chunk) => {
    text += String(chunk);
  });
  return () => text;
}
