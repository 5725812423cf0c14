import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../src/net/listening.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { copyProduct, openDirectory } from "./open-directory.ts";
import { binDir, filesBelow, machineOn, processesNaming, startTsmcp, statuses, tsmcp, type UpJson } from "./tsmcp.ts";

let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
});

const newKey = (): Promise<string> => tailnet.createKey({ ephemeral: true });

test("up gives the key to no program of node_modules/.bin when npx put that first on PATH", async () => {
  const machine = machineOn(tailnet);
  const bin = join(machine.workspace, "node_modules/.bin");
  const stolen = join(machine.home, "stolen");
  mkdirSync(bin, { recursive: true });
  for (const name of ["tailscale", "tailscaled", "sh"]) {
    writeFileSync(join(bin, name), `#!/bin/sh\n: > ${stolen}\nexit 1\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const env = { ...machine.env, PATH: `${bin}:${machine.env.PATH}` };
  const up = await tsmcp(["up"], { ...machine, env }, { TS_AUTHKEY: await newKey() });
  expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({ exitCode: 0 });
  const [daemon] = processesNaming(machine.home).filter(({ argv }) =>
    argv.some((text) => text.startsWith("--statedir")),
  );
  expect(daemon?.argv[0]).toBe(join(tailnet.binDir, "tailscaled"));
  expect((await tsmcp(["down"], { ...machine, env })).exitCode).toBe(0);
  expect(existsSync(stolen)).toBe(false);
});

test.runIf(process.getuid?.() === 0)(
  "up says that it needs /proc, in time and leaving nothing, when there is none",
  () => {
    const machine = machineOn(tailnet);
    const command = `mount -t tmpfs none /proc && exec "$0" "$@"`;
    const up = [process.execPath, join(binDir, "tsmcp"), "up", "--timeout", "5s"];
    const { status, stderr } = spawnSync("unshare", ["-m", "sh", "-c", command, ...up], {
      cwd: machine.workspace,
      env: { ...machine.env, TS_AUTHKEY: "tskey-auth-unused" },
      encoding: "utf8",
      timeout: 20_000,
    });
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("/proc does not show") });
    expect(processesNaming(machine.home)).toEqual([]);
  },
);

test("up keeps the daemon where it is when an older shell exports where its proxy was", async () => {
  const machine = machineOn(tailnet);
  const up = await tsmcp(["up", "--json"], machine, { TS_AUTHKEY: await newKey() });
  const { proxy }: UpJson = JSON.parse(up.stdout);
  const again = await tsmcp(["up", "--json"], machine, { TSMCP_PROXY: "http://127.0.0.1:1" });
  expect({ exitCode: again.exitCode, stderr: again.stderr }).toMatchObject({ exitCode: 0 });
  expect(statuses(again).daemon).toBe("kept");
  expect(JSON.parse(again.stdout).proxy).toBe(proxy);
  // What is typed is asked for, also as a URL.
  const port = await freePort();
  const moved = await tsmcp(["up", "--json", "--proxy", `http://127.0.0.1:${port}`], machine);
  expect(JSON.parse(moved.stdout).proxy).toBe(`127.0.0.1:${port}`);
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
});

test("up does nothing when --connect-to cannot be read", async () => {
  const machine = machineOn(tailnet);
  const up = await tsmcp(["up", "--connect-to", "rubbish"], machine, { TS_AUTHKEY: "tskey-auth-unused" });
  expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--connect-to: "rubbish"'),
  });
  expect(up.stderr).not.toContain("preflight");
  expect(filesBelow(machine.home)).toEqual([]);
});

test.runIf(process.getuid?.() === 0).each([
  [
    "/dev/shm is full",
    "mount -t tmpfs -o size=64k none /dev/shm; head -c 1000000 /dev/zero > /dev/shm/fill 2>/dev/null",
  ],
  ["the working directory was deleted", 'mkdir "$HOME/gone"; cd "$HOME/gone"; rmdir "$HOME/gone"'],
])("up and down work when %s", async (_title, before) => {
  const machine = machineOn(tailnet);
  const script = `${before}; "$0" "$@" up && "$0" "$@" down`;
  const { status, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script, process.execPath, join(binDir, "tsmcp")], {
    cwd: machine.workspace,
    env: { ...machine.env, TS_AUTHKEY: await newKey() },
    encoding: "utf8",
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(filesBelow(machine.home)).toEqual([]);
});

test.runIf(process.getuid?.() === 0)("up writes nothing for an agent when the working directory was deleted", () => {
  const machine = machineOn(tailnet);
  const script = 'mkdir "$HOME/gone"; cd "$HOME/gone"; rmdir "$HOME/gone"; "$0" "$@"';
  const up = ["up", "--server", `notes=https://n.${tailnet.suffix}/mcp`, "--agent", "cursor"];
  const { status, stderr } = spawnSync("sh", ["-c", script, process.execPath, join(binDir, "tsmcp"), ...up], {
    env: { ...machine.env, TS_AUTHKEY: "tskey-auth-unused" },
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr:
      "tsmcp: error: --workspace: the working directory was deleted\n" +
      "tsmcp: hint: pass --workspace with a path that begins with /, or run this in another directory\n",
  });
  expect(existsSync("/.cursor/mcp.json")).toBe(false);
});

test("up leaves the daemon that runs alone when what it is asked for is refused", async () => {
  const machine = machineOn(tailnet);
  expect((await tsmcp(["up"], machine, { TS_AUTHKEY: await newKey() })).exitCode).toBe(0);
  const daemons = processesNaming(machine.home);
  const free = `127.0.0.1:${await freePort()}`;
  const retagged = await tsmcp(["up", "--proxy", free, "--advertise-tags", "tag:agent"], machine);
  expect({ exitCode: retagged.exitCode, stderr: retagged.stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("tsmcp: error: this node is logged in with another advertise-tags\n"),
  });
  const taken = await tsmcp(["up", "--proxy", new URL(tailnet.controlUrl).host], machine);
  expect({ exitCode: taken.exitCode, stderr: taken.stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("is taken by process"),
  });
  expect(processesNaming(machine.home)).toEqual(daemons);
  expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
});

test.each([
  [["--json"], {}, "this node is not logged in, and there is no key"],
  [["--proxy", "CONTROL"], { TS_AUTHKEY: "tskey-auth-unused" }, "the proxy's address"],
])("the plan of up says what would fail when it is asked for with %j", async (args, extra, message) => {
  const machine = machineOn(tailnet);
  const asked = args.map((arg) => (arg === "CONTROL" ? new URL(tailnet.controlUrl).host : arg));
  const plan = await tsmcp(["up", "--dry-run", "--json", ...asked], machine, extra);
  expect(plan.exitCode).toBe(1);
  const { steps }: UpJson = JSON.parse(plan.stdout);
  expect(steps[0]).toMatchObject({ id: "preflight", status: "failed", detail: expect.stringContaining(message) });
  expect(filesBelow(machine.home)).toEqual([]);
});

test("up takes back what it began when the terminal hangs up", async () => {
  const machine = machineOn(tailnet);
  const { child, outcome } = startTsmcp(["up", "--verbose", "--login-server", "http://127.0.0.1:9"], machine, {
    TS_AUTHKEY: "tskey-auth-unused",
  });
  let stderr = "";
  child.stderr?.on("data", (text: string) => {
    stderr += text;
    // The kernel and the shell both tell it, and this sends it with whatever is said from here on.
    if (stderr.includes("login: begins")) child.kill("SIGHUP");
  });
  expect(await outcome).toMatchObject({ exitCode: 129, signal: null });
  expect(processesNaming(machine.home)).toEqual([]);
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
  expect(filesBelow(machine.home)).toEqual([]);
});

test("up, status and down work when ~/.local was made under umask 002", async () => {
  const machine = machineOn(tailnet);
  mkdirSync(join(machine.home, ".local"));
  chmodSync(join(machine.home, ".local"), 0o775);
  const up = await tsmcp(["up"], machine, { TS_AUTHKEY: await newKey() });
  expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({ exitCode: 0 });
  expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
  expect(processesNaming(machine.home)).toEqual([]);
  expect(filesBelow(machine.home)).toEqual([]);
});

test.runIf(process.getuid?.() === 0)("status, config and the plan of up work for a user with a HOME of root's", () => {
  const home = temporaryDirectory();
  const launcher = copyProduct(openDirectory("tsmcp-product-"));
  const user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
  const run = (...args: string[]) =>
    spawnSync("setpriv", [...user, process.execPath, launcher, ...args], {
      cwd: "/",
      env: { HOME: home, PATH: "/usr/bin:/bin" },
      encoding: "utf8",
    });
  expect(run("status")).toMatchObject({ status: 1, stderr: "" });
  expect(run("config")).toMatchObject({ status: 0, stderr: "" });
  expect(run("up", "--dry-run", "--quiet", "--json").stdout).toContain("this node is not logged in");
});
