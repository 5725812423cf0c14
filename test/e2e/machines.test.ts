import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chownSync, copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { copyProduct, openDirectory } from "./open-directory.ts";
import {
  binDir,
  filesBelow,
  type Machine,
  machineOn,
  type Outcome,
  processesNaming,
  startProgram,
  tsmcp,
} from "./tsmcp.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
});

/** A boot of a machine whose disk is a copy of another's: the same paths, its own boot id, /dev/shm and processes. */
function boot(image: Machine, disk: string, script: string, extra: Readonly<Record<string, string>>): Promise<Outcome> {
  const bootId = join(tailnet.tempDir(), "boot_id");
  writeFileSync(bootId, `${randomUUID()}\n`);
  const mounts = `mount --bind '${bootId}' /proc/sys/kernel/random/boot_id; mount -t tmpfs none /dev/shm; mount --bind '${disk}' '${image.home}'`;
  const argv = ["-m", "sh", "-ec", `${mounts}; cd '${image.home}'; ${script}`, process.execPath, join(binDir, "tsmcp")];
  return startProgram("unshare", argv, { workspace: "/", env: image.env }, extra).outcome;
}

test.runIf(isRoot)(
  "20 machines from one disk image are 20 nodes, when the image was taken of a node that was up",
  async () => {
    const image = machineOn(tailnet);
    const key = { TS_AUTHKEY: await tailnet.createKey({ reusable: true, ephemeral: true }) };
    const first = await tsmcp(["up", "--json"], image, key);
    expect({ exitCode: first.exitCode, stderr: first.stderr }).toMatchObject({ exitCode: 0 });
    const disks = Array.from({ length: 20 }, () => {
      const disk = tailnet.tempDir();
      cpSync(image.home, disk, { recursive: true, filter: (path) => !path.endsWith(".sock") });
      return disk;
    });
    const script = '"$0" "$1" up --json && "$0" "$1" status --json';
    const booted = await Promise.all(disks.map((disk) => boot(image, disk, script, key)));
    expect(booted.map(({ exitCode, stderr }) => ({ exitCode, stderr: exitCode === 0 ? "" : stderr }))).toEqual(
      disks.map(() => ({ exitCode: 0, stderr: "" })),
    );
    const nodes = booted.map(({ stdout }) => JSON.parse(stdout.slice(0, stdout.indexOf("\n}\n") + 2)).node);
    const all = [JSON.parse(first.stdout).node, ...nodes];
    expect(new Set(all.map(({ name }) => name)).size).toBe(21);
    expect(new Set(all.map(({ ips }) => ips[0])).size).toBe(21);
    expect((await tsmcp(["status"], image)).exitCode).toBe(0);
    // Each is a namespace of its own, that nobody enters again.
    for (const { pid } of processesNaming(image.home)) process.kill(pid);
  },
  120_000,
);

/** Not root, and no bash, sudo, systemd, ip or TUN: an agent's VM at its poorest. */
test.runIf(isRoot && existsSync("/bin/busybox"))(
  "up, env, run, status and down work on the poorest machine",
  async () => {
    const root = openDirectory("tsmcp-poor-");
    await tailnet.api.claim(root);
    const [home, bin] = [join(root, "home"), join(root, "bin")];
    for (const directory of [home, bin]) mkdirSync(directory);
    chownSync(home, nobody, nobody);
    for (const name of ["sh", "cat", "mkdir", "ls"]) symlinkSync("/bin/busybox", join(bin, name));
    symlinkSync(process.execPath, join(bin, "node"));
    // What the tests have lies where only root can look.
    for (const name of ["tailscale", "tailscaled"]) copyFileSync(join(tailnet.binDir, name), join(bin, name));
    const launcher = copyProduct(join(root, "tsmcp"));
    const env = {
      HOME: home,
      PATH: bin,
      SHELL: join(bin, "sh"),
      TSMCP_LOGIN_SERVER: tailnet.controlUrl,
      TSMCP_PROXY: "127.0.0.1:0",
      TS_NO_LOGS_NO_SUPPORT: "true",
    };
    const script =
      'mount -t tmpfs none /dev/net 2>/dev/null; exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$0" "$@"';
    const run = (argv: readonly string[], extra: Readonly<Record<string, string>> = {}) => {
      const setEnv = Object.entries({ ...env, ...extra }).map(([name, value]) => `${name}=${value}`);
      return spawnSync("unshare", ["-m", "sh", "-c", script, "/usr/bin/env", "-i", ...setEnv, ...argv], {
        cwd: home,
        encoding: "utf8",
      });
    };
    const tsmcpThere = [join(bin, "node"), launcher];
    const up = run([...tsmcpThere, "up"], { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) });
    expect({ status: up.status, stderr: up.stderr }).toMatchObject({ status: 0 });
    const shell = run([join(bin, "sh"), "-c", `eval "$(${tsmcpThere.join(" ")} env)"; echo "$ALL_PROXY"`]);
    expect(shell).toMatchObject({ status: 0, stdout: expect.stringMatching(/^socks5h:\/\/127\.0\.0\.1:\d+\n$/) });
    expect(run([...tsmcpThere, "run", "--", "sh", "-c", "exit 7"])).toMatchObject({ status: 7 });
    expect(run([...tsmcpThere, "status"])).toMatchObject({ status: 0 });
    expect(run([...tsmcpThere, "down"])).toMatchObject({ status: 0 });
    expect(processesNaming(home)).toEqual([]);
    expect(filesBelow(home)).toEqual([]);
  },
);
