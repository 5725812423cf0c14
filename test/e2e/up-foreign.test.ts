import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { machineOn, tsmcp } from "./tsmcp.ts";

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
