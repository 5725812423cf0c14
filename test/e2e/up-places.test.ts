import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { copyProduct, openDirectory } from "./open-directory.ts";
import { binDir, filesBelow, type Machine, machineOn, processesNaming, statuses, tsmcp } from "./tsmcp.ts";

const isRoot = process.getuid?.() === 0;
const shells = ["/bin/dash", "/bin/busybox", "/bin/bash"].filter(existsSync);
const nobody = 65_534;

let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
});

/** A PATH with these programs and no other: no bash, no ps, no coreutils. */
function pathOf(programs: Readonly<Record<string, string>>): string {
  const directory = tailnet.tempDir();
  for (const [name, target] of Object.entries(programs)) symlinkSync(target, join(directory, name));
  return directory;
}

function tailscalePrograms(): Record<string, string> {
  return { tailscale: join(tailnet.binDir, "tailscale"), tailscaled: join(tailnet.binDir, "tailscaled") };
}

test.each(shells)("up and down work when the only shell is %s, and there is no ps", async (shell) => {
  const machine = machineOn(tailnet);
  const sh = pathOf({ ...tailscalePrograms(), node: process.execPath, sh: shell });
  const bare: Machine = { ...machine, env: { ...machine.env, PATH: sh } };
  const up = await tsmcp(["up", "--json"], bare, { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) });
  expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({ exitCode: 0 });
  expect((await tsmcp(["status"], bare)).exitCode).toBe(0);
  expect((await tsmcp(["down"], bare)).exitCode).toBe(0);
  expect(processesNaming(machine.home)).toEqual([]);
  expect(filesBelow(machine.home)).toEqual([]);
});

test.runIf(isRoot)("up and down work for a user who is not root", async () => {
  const home = openDirectory("tsmcp-nobody-");
  await tailnet.api.claim(home);
  // The test tailnet's programs lie in root's home.
  const programs = openDirectory("tsmcp-programs-");
  for (const [name, path] of Object.entries(tailscalePrograms())) copyFileSync(path, join(programs, name));
  const launcher = copyProduct(join(programs, "tsmcp"));
  chownSync(home, nobody, nobody);
  const run = (args: readonly string[], extra = {}) =>
    spawnSync(
      "setpriv",
      [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", process.execPath, launcher, ...args],
      {
        cwd: home,
        encoding: "utf8",
        env: {
          PATH: `${programs}:/usr/bin:/bin`,
          HOME: home,
          TSMCP_LOGIN_SERVER: tailnet.controlUrl,
          TSMCP_PROXY: "127.0.0.1:0",
          TS_NO_LOGS_NO_SUPPORT: "true",
          ...extra,
        },
      },
    );
  const up = run(["up"], { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) });
  expect({ status: up.status, stderr: up.stderr }).toMatchObject({ status: 0 });
  const [daemon] = processesNaming(home);
  expect(execFileSync("stat", ["-c", "%u", `/proc/${daemon?.pid}`], { encoding: "utf8" })).toBe(`${nobody}\n`);
  expect(run(["status"]).status).toBe(0);
  expect(run(["down"]).status).toBe(0);
  expect(processesNaming(home)).toEqual([]);
  expect(filesBelow(home)).toEqual([]);
});

test.runIf(isRoot)("up works when /dev/net is hidden", async () => {
  const machine = machineOn(tailnet);
  const script = 'if [ -d /dev/net ]; then mount -t tmpfs none /dev/net; fi; [ ! -e /dev/net/tun ] && exec "$@"';
  const argv = [process.execPath, join(binDir, "tsmcp"), "up"];
  const env = { ...machine.env, TS_AUTHKEY: await tailnet.createKey() };
  const up = spawnSync("unshare", ["-m", "sh", "-c", script, "sh", ...argv], {
    env,
    cwd: machine.workspace,
    encoding: "utf8",
  });
  expect({ status: up.status, stderr: up.stderr }).toMatchObject({ status: 0 });
  expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
});

test("up works under a home whose path is too long for a socket, and two homes stay apart", async () => {
  const machines = [1, 2].map((index) => {
    const machine = machineOn(tailnet);
    const home = join(machine.home, `${"long".repeat(20)}${index}`);
    mkdirSync(home);
    return { ...machine, home, env: { ...machine.env, HOME: home } };
  });
  for (const machine of machines) {
    const up = await tsmcp(["up", "--json"], machine, { TS_AUTHKEY: await tailnet.createKey() });
    expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({ exitCode: 0 });
    expect(statuses(up)).toMatchObject({ daemon: "done" });
  }
  for (const machine of machines) {
    expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
    expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
    expect(processesNaming(machine.home)).toEqual([]);
  }
});

test("paths are only values, whatever stands in them", async () => {
  const machine = machineOn(tailnet);
  const home = join(machine.home, 'it\'s "$(touch injected)" `touch x`; \n *');
  mkdirSync(home);
  const workspace = join(home, "w\n'$(id)");
  mkdirSync(workspace);
  const hostile: Machine = { home, workspace, env: { ...machine.env, HOME: home } };
  const key = { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) };
  const args = ["--state-dir", "st'a\n$(touch x)te", "--client-id", "'; touch x; '", "--agent", "cursor"];
  const server = ["--server", `notes=https://vm.${tailnet.suffix}:8443/mcp?a='$(touch+x)'`, "--no-verify"];
  const up = await tsmcp(["up", ...args, ...server], hostile, key);
  expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({ exitCode: 0 });
  expect((await tsmcp(["status"], hostile)).exitCode).toBe(0);
  expect((await tsmcp(["down"], hostile)).exitCode).toBe(0);
  expect(processesNaming(machine.home)).toEqual([]);
  expect(filesBelow(machine.home)).toEqual([]);
});

// In a /dev/shm of its own: every down of this user on this machine takes down what lies in the common one.
test.runIf(isRoot)("up works without a home directory", async () => {
  const machine = machineOn(tailnet);
  const stateDir = join(machine.home, "state");
  const script = 'mount -t tmpfs none /dev/shm; "$0" "$1" up --state-dir "$2" && "$0" "$1" status; "$0" "$1" down';
  const argv = ["-m", "sh", "-c", script, process.execPath, join(binDir, "tsmcp"), stateDir];
  const { status, stdout, stderr } = spawnSync("unshare", argv, {
    env: { ...machine.env, HOME: join(machine.home, "gone"), TS_AUTHKEY: await tailnet.createKey() },
    cwd: machine.workspace,
    encoding: "utf8",
  });
  expect({ status, stdout, stderr }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/is up[\s\S]*answers through the proxy[\s\S]*down and logged out/),
  });
  expect(existsSync(machine.home) && processesNaming(stateDir)).toEqual([]);
});

test.runIf(isRoot)(
  "up says that the login is not kept when the disk is full, and down logs out all the same",
  async () => {
    const machine = machineOn(tailnet);
    const script =
      'mkdir -p "$HOME/.local"; mount -t tmpfs -o size=24k none "$HOME/.local"; "$0" "$1" up --quiet && "$0" "$1" status; "$0" "$1" down';
    const key = await tailnet.createKey({ ephemeral: true });
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["-m", "sh", "-c", script, process.execPath, join(binDir, "tsmcp")],
      { env: { ...machine.env, TS_AUTHKEY: key, TSMCP_HOSTNAME: "full" }, cwd: machine.workspace, encoding: "utf8" },
    );
    expect({ status, stdout, stderr }).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/is up[\s\S]*answers through the proxy[\s\S]*down and logged out\n$/),
      stderr: expect.stringMatching(
        /^tsmcp: warning: tailscaled could not keep its login in .*: make room there, .*\n$/,
      ),
    });
    expect((await tailnet.api.nodes()).map(({ name }) => name)).not.toContain("full");
  },
);

// In a /dev/shm of its own, as above.
test.runIf(isRoot)("up, status and down work when HOME is a file", async () => {
  const machine = machineOn(tailnet);
  const home = join(machine.home, "file");
  writeFileSync(home, "");
  const script =
    'mount -t tmpfs none /dev/shm; "$0" "$1" up --quiet && "$0" "$1" status; "$0" "$1" down; ls -A /dev/shm';
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    ["-m", "sh", "-c", script, process.execPath, join(binDir, "tsmcp")],
    {
      env: { ...machine.env, HOME: home, TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) },
      cwd: machine.workspace,
      encoding: "utf8",
    },
  );
  expect({ status, stdout, stderr }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/is up[\s\S]*answers through the proxy[\s\S]*down and logged out\n$/),
    stderr: "",
  });
});

test.runIf(isRoot)("up keeps in memory what it needs when the home can only be read", async () => {
  const machine = machineOn(tailnet);
  const script =
    'mount -t tmpfs none /dev/shm; mkdir -p "$HOME/.local/state/tsmcp"; mount -t tmpfs -o ro none "$HOME/.local"; "$0" "$1" up && "$0" "$1" status; "$0" "$1" down; ls -A /dev/shm';
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    ["-m", "sh", "-c", script, process.execPath, join(binDir, "tsmcp")],
    {
      env: { ...machine.env, TS_AUTHKEY: await tailnet.createKey() },
      cwd: machine.workspace,
      encoding: "utf8",
    },
  );
  expect({ status, stdout, stderr }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/is up[\s\S]*answers through the proxy[\s\S]*down and logged out\n$/),
  });
});
