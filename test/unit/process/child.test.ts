import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { type Child, startChild } from "../../../src/process/child.ts";
import { identityOf, isAlive } from "../../../src/process/identity.ts";

async function start(script: string): Promise<Child> {
  const started = await startChild({ file: "/bin/sh", args: ["-c", script], env: { WORD: "said" }, cwd: "/" });
  if (started.kind === "refused") throw new Error(started.reason);
  onTestFinished(() => started.child.stop(0));
  return started.child;
}

test("startChild gives a child the configured environment and a group of its own", async () => {
  const child = await start('env; echo "group $(cut -d" " -f5 /proc/self/stat)"; cat >&2');
  child.stdin.end("to its stderr");
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(said).toContain("WORD=said\n");
  expect(said).not.toContain("HOME=");
  expect(said).toContain(`group ${child.pid}\n`);
  expect(complained).toBe("to its stderr");
  expect(await child.ended).toEqual({ kind: "exited", exitCode: 0 });
});

test("a child has three descriptors once its parent closed what it inherited itself", async () => {
  // Past a gap, where Node does not look.
  const stdio = Array.from({ length: 42 }, (_, fd) => (fd < 3 || fd === 41 ? "pipe" : "ignore"));
  const parent = spawn(process.execPath, ["--import", "tsx", fileURLToPath(descriptorsProgram)], { stdio });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const { before, after } = JSON.parse(await said(parent.stdout)) as { before: string[]; after: string[] };
  expect(before).toContain("41");
  // The fourth is the directory that ls reads.
  expect(after).toEqual(["0", "1", "2", "3"]);
});

test("startChild refuses, with the system's word, a program that is not there", async () => {
  const start = { file: "/nowhere/tsmcp", args: [], env: {}, cwd: "/" };
  expect(await startChild(start)).toEqual({ kind: "refused", reason: "ENOENT" });
});

test("a child that ends takes what it started with it", async () => {
  const child = await start("sleep 60 & echo $!; read -r line");
  const [line] = await once(createInterface(child.stdout), "line");
  const grandchild = identityOf(Number(line));
  expect(grandchild !== undefined && isAlive(grandchild)).toBe(true);
  child.stdin.end();
  await child.ended;
  await expect.poll(() => grandchild !== undefined && isAlive(grandchild)).toBe(false);
});

test.for([
  ["goes when its input ends", "cat >/dev/null", { kind: "exited", exitCode: 0 }],
  ["heeds SIGTERM alone", "while :; do sleep 1; done", { kind: "killed", signal: "SIGTERM" }],
  [
    "heeds neither",
    "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done",
    { kind: "killed", signal: "SIGKILL" },
  ],
] as const)("stop ends a child that %s", async ([, script, end]) => {
  const child = await start(script);
  await child.stop(50);
  expect(await child.ended).toEqual(end);
});

test.for(["SIGKILL", "SIGTERM"] as const)(
  "the watchdog ends the groups that it watches, and no other, when its owner had a %s",
  async (signal) => {
    const owner = spawn(process.execPath, ["--import", "tsx", fileURLToPath(ownerProgram)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void owner.kill("SIGKILL"));
    const [line] = await once(createInterface(owner.stdout), "line");
    const { watched, forgotten } = JSON.parse(String(line)) as { watched: number; forgotten: number };
    const left = identityOf(forgotten);
    const gone = identityOf(watched);
    onTestFinished(() => void (left !== undefined && isAlive(left) && process.kill(-left.pid, "SIGKILL")));
    expect([left, gone].map((one) => one !== undefined && isAlive(one))).toEqual([true, true]);
    owner.kill(signal);
    await expect.poll(() => gone !== undefined && isAlive(gone), { timeout: 10_000 }).toBe(false);
    expect(left !== undefined && isAlive(left)).toBe(true);
    expect(readFileSync(`/proc/${forgotten}/comm`, "utf8")).toBe("sleep\n");
  },
);

function said(stream: Readable | null): Promise<string> {
  return stream === null ? Promise.reject(new Error("no pipe")) : text(stream);
}

const descriptorsProgram = new URL("../../fakes/descriptors.ts", import.meta.url);
const ownerProgram = new URL("../../fakes/watchdog-owner.ts", import.meta.url);
