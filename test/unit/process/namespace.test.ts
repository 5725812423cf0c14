import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { type Child, startChild } from "../../../src/process/child.ts";
import { identityOf, isAlive } from "../../../src/process/identity.ts";
import { findNamespaceTools, type Hiding, inNamespace, type Program } from "../../../src/process/namespace.ts";
import { tryNamespace } from "../../../src/process/namespace-trial.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";
import { canUnshare } from "../../fakes/unshare.ts";

const nothing: Hiding = { thinned: [], emptied: [], blanked: [] };
const path = process.env.PATH ?? "";
/** As whom it sees itself, which for root must not be root. */
const own = { uid: process.getuid?.() || 1_000, gid: process.getgid?.() || 1_000 };

function enter(program: Partial<Program>, hiding = nothing): Program | undefined {
  const tools = findNamespaceTools(path);
  if (typeof tools === "string") throw new Error(`${tools} is missing`);
  return inNamespace(
    { file: "/bin/sh", args: [], env: { PATH: path }, cwd: "/", ...program },
    { hiding, tools, ...own },
  );
}

async function start(script: string, hiding = nothing, program: Partial<Program> = {}): Promise<Child> {
  const entered = enter({ args: ["-c", script], ...program }, hiding);
  const started = await startChild(entered ?? { file: "", args: [], env: {}, cwd: "/" });
  if (started.kind === "refused") throw new Error(started.reason);
  onTestFinished(() => started.child.stop(0));
  return started.child;
}

async function outputOf(child: Child): Promise<string> {
  child.stdin.end();
  const [said] = await Promise.all([text(child.stdout), child.ended]);
  return said;
}

const works = canUnshare();

test.runIf(works)("a program in a namespace has its pipes, the configured environment and no capability", async () => {
  const program = { file: "env", args: [], env: { PATH: path, WORD: "said" } };
  expect((await outputOf(await start("", nothing, program))).split("\n").sort()).toEqual([
    "",
    `PATH=${path}`,
    "WORD=said",
  ]);
  const script = "echo $(ls /proc/self/fd); grep CapEff /proc/self/status";
  const plain = await startChild({ file: "/bin/sh", args: ["-c", script], env: { PATH: path }, cwd: "/" });
  if (plain.kind === "refused") throw new Error(plain.reason);
  const [descriptors] = (await outputOf(plain.child)).split("\n");
  expect(await outputOf(await start(script))).toBe(`${descriptors}\nCapEff:\t0000000000000000\n`);
});

test.runIf(works)("a program in a namespace sees no process but those that it started", async () => {
  const child = await start("cd /proc; echo [0-9]*");
  const pids = (await outputOf(child)).trim().split(" ").map(Number);
  expect(pids.length).toBe(2);
  expect(pids).not.toContain(process.pid);
});

test.runIf(works && process.getuid?.() === 0)(
  "a program in a namespace looks into no process outside, and signals none, where it gets no /proc of its own",
  async () => {
    const others = `/proc/${process.pid}`;
    const script = `cd ${others} && echo seen
      for way in root cwd fd/0 fd/1 ns/mnt environ mem maps; do ls ./$way/ >/dev/null && echo $way; (: <$way) && echo $way; done
      kill -0 ${process.pid} && echo signal; echo tried`;
    const entered = enter({ args: ["-c", `{ ${script}; } 2>/dev/null`] });
    const covered = 'mount -t tmpfs none /proc/fs && exec "$0" "$@"';
    const args = ["--mount", "/bin/sh", "-c", covered, entered?.file ?? "", ...(entered?.args ?? [])];
    const started = await startChild({ file: "unshare", args, env: { PATH: path }, cwd: "/" });
    if (started.kind === "refused") throw new Error(started.reason);
    expect(await outputOf(started.child)).toBe("seen\ntried\n");
  },
);

test.runIf(works).for([
  ["exits", "exit 7", 7],
  ["is killed", "kill -KILL $$", 137],
  ["has ended beside others that it left behind", "sleep 60 & exit 3", 3],
] as const)("the end of a namespace tells how its program ended when it %s", async ([, script, exitCode]) => {
  const child = await start(script);
  child.stdout.resume();
  expect(await child.ended).toEqual({ kind: "exited", exitCode });
});

test.runIf(works)("a program in a namespace can close its output, and is heard to", async () => {
  const child = await start("exec >&-; read -r line");
  expect(await text(child.stdout)).toBe("");
  child.stdin.end();
  expect(await child.ended).toEqual({ kind: "exited", exitCode: 1 });
});

const waits = "echo up; while :; do read -r line || sleep 0.05; done";

test.runIf(works).for([
  ["heeds it", `trap 'exit 5' TERM; ${waits}`, 5],
  ["has no use for it", waits, 143],
] as const)("SIGTERM to the group is for a program in a namespace, which %s", async ([, script, exitCode]) => {
  const child = await start(script);
  await once(createInterface(child.stdout), "line");
  process.kill(-child.pid, "SIGTERM");
  expect(await child.ended).toEqual({ kind: "exited", exitCode });
});

test.runIf(works)("stop ends a namespace whose program ignores SIGTERM", async () => {
  const child = await start(`trap '' TERM; ${waits}`);
  await once(createInterface(child.stdout), "line");
  await child.stop(50);
  expect(await child.ended).toEqual({ kind: "killed", signal: "SIGKILL" });
});

test.runIf(works)("SIGINT reaches a program in a namespace, as it does without one", async () => {
  const child = await start("kill -INT $$; echo survived");
  expect(await outputOf(child)).toBe("");
  expect(await child.ended).toEqual({ kind: "exited", exitCode: 130 });
});

test.runIf(works)("killing the leader of a namespace ends also what left its group and session", async () => {
  const mark = temporaryDirectory();
  const script = `setsid sh -c 'echo up; while :; do read -r line || sleep 0.05; done' & wait`;
  const child = await start(script, nothing, { env: { PATH: path, MARK: mark } });
  await once(createInterface(child.stdout), "line");
  const inside = marked(mark).map((pid) => identityOf(pid));
  expect(inside.length).toBeGreaterThan(3);
  process.kill(child.pid, "SIGKILL");
  await child.ended;
  await expect.poll(() => inside.filter((one) => one !== undefined && isAlive(one))).toEqual([]);
});

/** Every process with this directory in its environment. */
function marked(directory: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => environmentOf(pid).includes(`MARK=${directory}\0`));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

test.runIf(works)("the first process of a namespace takes in the dead that others left", async () => {
  const script = `for n in 1 2 3 4 5; do (sh -c ':' & ); done
    while grep -q '^State:.*Z' /proc/[0-9]*/status; do :; done; echo none`;
  expect(await outputOf(await start(script))).toBe("none\n");
});

test.runIf(works)("a program is found and started whatever stands in its name", async () => {
  const directory = join(temporaryDirectory(), "a=b 'c'");
  mkdirSync(directory);
  cpSync("/bin/echo", join(directory, "e=cho"));
  chmodSync(join(directory, "e=cho"), 0o755);
  const args = ["$HOME", "a b", "--", "", "'x"];
  const program = { file: "./e=cho", cwd: directory, args };
  expect(await outputOf(await start("", nothing, program))).toBe(`${args.join(" ")}\n`);
  expect(enter({ file: "nowhere-to-be-found" })).toBeUndefined();
  expect(enter({ file: directory })).toBeUndefined();
});

test.runIf(works)("what is hidden is empty, blank or left out, and what is beside it is there", async () => {
  const root = temporaryDirectory();
  for (const name of ["thin/left out", "thin/kept", "thin/-kept", "empty"])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ["thin/.file", "thin/left out/a", "thin/kept/b", "empty/key", "blank"])
    writeFileSync(join(root, name), "x");
  symlinkSync("kept", join(root, "thin/link"));
  const hiding: Hiding = {
    thinned: [{ directory: join(root, "thin"), without: ["left out"] }],
    emptied: [join(root, "empty")],
    blanked: [join(root, "blank")],
  };
  const child = await start("ls -A thin thin/kept empty; cat thin/.file thin/link/b blank", hiding, { cwd: root });
  expect(await outputOf(child)).toBe("empty:\n\nthin:\n-kept\n.file\nkept\nlink\n\nthin/kept:\nb\nxx");
  // From below, through the directory in which it was started too.
  const below = await start("ls -A . && ls -A ../empty", hiding, { cwd: join(root, "empty") });
  expect(await outputOf(below)).toBe("");
  expect(readdirSync(join(root, "empty"))).toEqual(["key"]);
});

test.runIf(works)("a program does not start when what is to be hidden is gone", async () => {
  const child = await start("echo up", { ...nothing, emptied: ["/nowhere/tsmcp"] });
  expect(await outputOf(child)).toBe("");
  expect(await child.ended).toEqual({ kind: "exited", exitCode: 125 });
});

test.runIf(process.getuid?.() === 0)("root gets no namespace, in which it would be root", async () => {
  expect(await tryNamespace({ path, hiding: nothing, secrets: [] })).toEqual({
    kind: "refused",
    reason: "root is root there too",
  });
});
