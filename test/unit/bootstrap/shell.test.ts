import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { runOneShot } from "../../../src/bootstrap/apply/shell.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const never = new AbortController().signal;
const shells = ["/bin/dash", "/bin/bash", "/usr/bin/busybox"].filter(existsSync);

const hostile = [
  "it's",
  "$(touch injected)",
  "`touch injected`",
  "a\nb",
  "$'\\x41'",
  "; touch injected;",
  "-n",
  "",
  " ",
  "*",
  "~",
  "\\",
  '"',
  "ä\u2028",
  "!!",
  "a=b",
];

/** A PATH with one shell as `sh`, and nothing else. */
function pathWith(shell: string): string {
  const directory = temporaryDirectory();
  symlinkSync(shell, join(directory, "sh"));
  return directory;
}

describe.each(shells)("under %s", (shell) => {
  test("every value arrives as it is, and nothing in it runs", async () => {
    const script = `process.stdout.write(JSON.stringify([process.argv.slice(1), process.cwd()]))`;
    const outcome = await runOneShot({
      argv: [process.execPath, "-e", script, "--", ...hostile],
      env: { PATH: pathWith(shell) },
      timeoutMs: 20_000,
      signal: never,
    });
    expect(outcome).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(JSON.parse(outcome.kind === "exited" ? outcome.stdout : "")).toEqual([hostile, "/"]);
    expect(existsSync("/injected")).toBe(false);
  });

  test("the command has no input, only the environment it was given, and its own exit code", async () => {
    const script = `process.stdin.on("end", () => { process.stderr.write(Object.keys(process.env).join()); process.exit(7) }).resume()`;
    const outcome = await runOneShot({
      argv: [process.execPath, "-e", script],
      env: { PATH: pathWith(shell), ONLY: "1" },
      timeoutMs: 20_000,
      signal: never,
    });
    expect(outcome).toMatchObject({ kind: "exited", exitCode: 7 });
    const names = outcome.kind === "exited" ? outcome.stderr.split(",").filter((name) => name !== "PWD") : [];
    expect(names.filter((name) => !["OLDPWD", "SHLVL", "_"].includes(name)).sort()).toEqual(["ONLY", "PATH"]);
  });
});

test("a command that does not listen is killed with what it started when the time is over", async () => {
  const directory = temporaryDirectory();
  const pidFile = join(directory, "pids");
  const stubborn = join(directory, "stubborn");
  writeFileSync(stubborn, `#!/bin/sh\ntrap '' TERM\nsleep 62 &\necho $$ $! > ${pidFile}\nwhile :; do wait; done\n`, {
    mode: 0o755,
  });
  const env = { PATH: `${pathWith("/bin/dash")}:/usr/bin:/bin` };
  const outcome = await runOneShot({ argv: [stubborn], env, timeoutMs: 2_000, signal: never });
  expect(outcome).toEqual({ kind: "timeout" });
  const pids = readFileSync(pidFile, "utf8").trim().split(" ").map(Number);
  expect(pids).toHaveLength(2);
  for (const end = performance.now() + 5_000; pids.some(runs); await delay(2)) {
    if (performance.now() > end) throw new Error("a process was left");
  }
});

test("a command that is cancelled ends at once, and one that was cancelled before never starts", async () => {
  const directory = temporaryDirectory();
  const started = join(directory, "started");
  const env = { PATH: "/usr/bin:/bin" };
  const controller = new AbortController();
  const script = `require("fs").mkdirSync(${JSON.stringify(started)}); setInterval(() => {}, 1e6)`;
  const outcome = runOneShot({
    argv: [process.execPath, "-e", script],
    env,
    timeoutMs: 60_000,
    signal: controller.signal,
  });
  for (; !existsSync(started); await delay(2));
  controller.abort("SIGINT");
  expect(await outcome).toEqual({ kind: "cancelled" });
  mkdirSync(join(directory, "empty"));
  const argv = ["touch", join(directory, "empty/file")];
  expect(await runOneShot({ argv, env, timeoutMs: 60_000, signal: AbortSignal.abort() })).toEqual({
    kind: "cancelled",
  });
  expect(readdirSync(join(directory, "empty"))).toEqual([]);
});

function runs(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
