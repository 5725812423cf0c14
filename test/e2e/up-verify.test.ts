import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { machineOn, statuses, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  await tailnet?.close();
});

test("up fails its verification when the server's host is misspelt, says so, and leaves the node up", async () => {
  await tailnet.startNode({ hostname: "server", tags: ["tag:server"] });
  const machine = machineOn(tailnet);
  const extra = { TS_AUTHKEY: await tailnet.createKey({ tags: ["tag:agent"] }) };
  const server = `notes=https://servr.${tailnet.suffix}:8443/mcp`;
  const up = await tsmcp(["up", "--json", "--server", server], machine, extra);
  expect(up.exitCode).toBe(1);
  expect(statuses(up)).toMatchObject({ login: "done", proxy: "done", verify: "failed" });
  expect(up.stdout).toContain("tailnet.name");
  expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
  await tsmcp(["down"], machine);
});
