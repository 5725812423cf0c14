import { statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { listen } from "../fakes/listening.ts";
import { hasSystemdNotify, notifySocket } from "../fakes/notify-socket.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { daemonOf, foreground, isUpAgain, patience, statusOf } from "./foreground-service.ts";
import { filesBelow, machineOn, processesNaming, textOf, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
});

const ephemeralKey = async (reusable = false) => ({
  TS_AUTHKEY: await tailnet.createKey({ ephemeral: true, reusable }),
});

test("up --foreground starts tailscaled again when it is killed, stops answering or is logged out, and leaves when it is told to stop", async () => {
  const vm = machineOn(tailnet);
  const service = await foreground(vm, ["--hostname", "kept"], await ephemeralKey(true));
  const first = await statusOf(vm);
  expect(first).toMatchObject({ up: true, online: true, proxy: service.report.proxy });

  process.kill(daemonOf(vm) ?? 0, "SIGKILL");
  await expect.poll(service.said, patience).toContain("tailscaled was ended by SIGKILL; joining again");
  await isUpAgain(service, 1);
  expect(await statusOf(vm)).toMatchObject({ up: true, node: first.node, proxy: first.proxy });

  const frozen = daemonOf(vm) ?? 0;
  process.kill(frozen, "SIGSTOP");
  await isUpAgain(service, 2);
  expect(daemonOf(vm)).not.toBe(frozen);
  expect(await statusOf(vm)).toMatchObject({ up: true, node: first.node, proxy: first.proxy });

  await tailnet.api.removeNode("kept");
  await isUpAgain(service, 3);
  expect(await statusOf(vm)).toMatchObject({ up: true, online: true, proxy: first.proxy });

  expect(await service.stop()).toMatchObject({ exitCode: 0, signal: null });
  expect(service.said()).toMatch(/logged out\n$/);
  expect(processesNaming(vm.home)).toEqual([]);
  expect(filesBelow(vm.home)).toEqual([]);
  // Those of other tests may still be there.
  expect((await tailnet.api.nodes()).filter(({ name }) => name.startsWith("kept"))).toEqual([]);
});

test("the file alive is new as long as the tailnet answers, and gone when it does not", async () => {
  const vm = machineOn(tailnet);
  const service = await foreground(vm, [], await ephemeralKey());
  const alive = () => filesBelow(vm.home).find((path) => path.endsWith("/alive"));
  const writtenAt = () => statSync(join(vm.home, alive() ?? ""), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  await expect.poll(alive, patience).toBeDefined();
  const before = writtenAt();
  await expect.poll(writtenAt, patience).toBeGreaterThan(before);
  process.kill(daemonOf(vm) ?? 0, "SIGSTOP");
  await expect.poll(alive, patience).toBeUndefined();
  expect(await service.stop()).toMatchObject({ exitCode: 0 });
});

test.runIf(hasSystemdNotify)(
  "a service manager hears when the node is up, in trouble, up again and stopped",
  async () => {
    const vm = machineOn(tailnet);
    const { path, messages } = await notifySocket();
    const service = await foreground(vm, [], { ...(await ephemeralKey()), NOTIFY_SOCKET: path });
    process.kill(daemonOf(vm) ?? 0, "SIGKILL");
    await isUpAgain(service, 1);
    await expect.poll(() => messages.length, patience).toBeGreaterThanOrEqual(3);
    expect(await service.stop()).toMatchObject({ exitCode: 0 });
    await expect
      .poll(() => messages, patience)
      .toEqual([
        "READY=1\nSTATUS=the tailnet answers",
        "STATUS=tailscaled was ended by SIGKILL",
        "STATUS=the tailnet answers",
        "STOPPING=1\nSTATUS=stopped by SIGTERM",
      ]);
  },
);

test("up --foreground --keep-warm dials the server by itself, and sends it nothing", async () => {
  const sent: Buffer[] = [];
  let dials = 0;
  const backend = createServer((socket) => {
    dials += 1;
    socket.on("error", () => {}).on("data", (chunk: Buffer) => void sent.push(chunk));
  });
  onTestFinished(() => void backend.close());
  const server = await tailnet.startNode({ hostname: "server" });
  const served = await server.tailscale(["serve", "--bg", "--tcp=8443", `tcp://127.0.0.1:${await listen(backend)}`]);
  expect(served).toMatchObject({ exitCode: 0 });
  const vm = machineOn(tailnet);
  const url = `notes=https://${server.dnsName}:8443/mcp`;
  const args = ["--keep-warm", "--server", url, "--agent", "cursor", "--no-verify"];
  const service = await foreground(vm, args, await ephemeralKey());
  await expect.poll(() => dials, patience).toBeGreaterThan(0);
  expect(await service.stop()).toMatchObject({ exitCode: 0 });
  expect(sent).toEqual([]);
});

test("up --keep-warm asks the bridges that run here for it, and the next up without it no longer", async () => {
  const vm = machineOn(tailnet);
  const record = () => {
    const path = filesBelow(vm.home).find((one) => one.endsWith("/record.json")) ?? "";
    return JSON.parse(textOf(join(vm.home, path)));
  };
  expect(await tsmcp(["up", "--keep-warm"], vm, await ephemeralKey())).toMatchObject({ exitCode: 0 });
  expect(record()).toMatchObject({ keepsWarm: true });
  expect(await tsmcp(["up"], vm)).toMatchObject({ exitCode: 0 });
  expect(record()).not.toHaveProperty("keepsWarm");
  await tsmcp(["down"], vm);
});
