import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { machineOn, processesNaming, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
});

test("somebody else's tailscaled runs on when up uses it, whether its proxy answers or not, and when down is done", async () => {
  const node = await tailnet.startNode({ hostname: "theirs" });
  const machine = machineOn(tailnet);
  const { pid } = node;
  for (const proxy of ["127.0.0.1:1", node.proxy]) {
    await tsmcp(["up", "--socket", node.socket, "--proxy", proxy], machine);
    expect([node.isRunning(), node.pid]).toEqual([true, pid]);
    expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
    expect([node.isRunning(), (await node.status()).BackendState]).toEqual([true, "Running"]);
  }
});

test("somebody else's node keeps its settings when up uses it, and up refuses to change one that is asked for", async () => {
  const upArgs = ["--accept-routes", "--accept-dns=false", "--advertise-routes=10.9.0.0/16"];
  const node = await tailnet.startNode({ hostname: "settled", upArgs });
  const machine = machineOn(tailnet);
  const settings = async (): Promise<string> => (await node.tailscale(["debug", "prefs"])).stdout;
  const before = await settings();
  const args = ["up", "--socket", node.socket, "--proxy", node.proxy];
  const up = await tsmcp(args, machine);
  expect({ exitCode: up.exitCode, stderr: up.stderr }).toMatchObject({ exitCode: 0 });
  const renamed = await tsmcp([...args, "--hostname", "other"], machine);
  expect(renamed.exitCode).toBe(1);
  expect(renamed.stderr).toContain("this node is somebody else's, and has another hostname");
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
  expect(await settings()).toBe(before);
});

test("down names the node that stays in the tailnet when its daemon was killed, and none when it logged out", async () => {
  const machine = machineOn(tailnet);
  const args = ["up", "--hostname", "abandoned"];
  await tsmcp(args, machine, { TS_AUTHKEY: await tailnet.createKey() });
  for (const { pid } of processesNaming(machine.home)) process.kill(pid, "SIGKILL");
  expect((await tsmcp(["down"], machine)).stderr).toContain("warning: abandoned was not logged out");
  await tsmcp(args, machine, { TS_AUTHKEY: await tailnet.createKey() });
  expect((await tsmcp(["down"], machine)).stderr).not.toContain("warning");
});

test("up starts no second daemon on another socket while the first runs", async () => {
  const machine = machineOn(tailnet);
  await tsmcp(["up"], machine, { TS_AUTHKEY: await tailnet.createKey() });
  const daemons = processesNaming(machine.home);
  const other = await tsmcp(["up", "--socket", join(machine.home, "other.sock")], machine);
  expect(other.exitCode).toBe(1);
  expect(other.stderr).toContain("tsmcp: error: tailscaled of this boot runs already, on ");
  expect(processesNaming(machine.home)).toEqual(daemons);
  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
  expect(processesNaming(machine.home)).toEqual([]);
});
