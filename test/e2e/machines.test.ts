import { randomUUID } from "node:crypto";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { createPoorMachine, noPoorMachine } from "./poor-machine.ts";
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
);

test.skipIf(noPoorMachine !== undefined)("up, env, run, status and down work on the poorest machine", async () => {
  const { run, bin, home, launcher } = await createPoorMachine(tailnet);
  const tsmcpThere = [join(bin, "node"), launcher];
  const up = await run([...tsmcpThere, "up"], { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) });
  expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  const shell = await run([join(bin, "sh"), "-c", `eval "$(${tsmcpThere.join(" ")} env)"; echo "$ALL_PROXY"`]);
  expect(shell).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^socks5h:\/\/127\.0\.0\.1:\d+\n$/) });
  expect(await run([...tsmcpThere, "run", "--", "sh", "-c", "exit 7"])).toMatchObject({ exitCode: 7 });
  expect(await run([...tsmcpThere, "status"])).toMatchObject({ exitCode: 0 });
  expect(await run([...tsmcpThere, "down"])).toMatchObject({ exitCode: 0 });
  expect(processesNaming(home)).toEqual([]);
  expect(filesBelow(home)).toEqual([]);
});

test.skipIf(noPoorMachine !== undefined)("the poorest machine has indeed neither bash nor TUN nor root", async () => {
  const { run, bin } = await createPoorMachine(tailnet);
  const look =
    "node -p 'process.getuid()'; for p in /dev/net/tun /run/systemd/system; do [ ! -e $p ] || echo $p; done; bash -c 'echo bash'; /bin/bash -c 'echo bash'; ip link; sudo true";
  const { stdout } = await run([join(bin, "sh"), "-c", look]);
  expect(stdout).toBe("65534\n");
});
