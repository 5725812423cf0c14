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

test("up ends when the server's node knows this one, because a handshake that comes before is lost for 5 s", async () => {
  const server = await tailnet.startNode({ hostname: "later", tags: ["tag:server"] });
  const machine = machineOn(tailnet);
  const extra = { TS_AUTHKEY: await tailnet.createKey({ tags: ["tag:agent"] }) };
  await tailnet.api.setNewsLatency(1_500);
  try {
    const args = ["up", "--json", "--no-verify", "--server", `notes=https://${server.dnsName}:8443/mcp`];
    const up = await tsmcp(args, machine, extra);
    expect({ exitCode: up.exitCode, ...statuses(up) }).toMatchObject({ exitCode: 0, proxy: "done" });
    const { node } = JSON.parse(up.stdout);
    const { Peer } = await server.status();
    expect(Object.values(Peer ?? {}).map(({ DNSName }) => DNSName)).toContain(`${node.name}.`);
  } finally {
    await tailnet.api.setNewsLatency(0);
  }
  await tsmcp(["down"], machine);
});
