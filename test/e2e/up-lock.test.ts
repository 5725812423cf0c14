import { afterAll, beforeAll, expect, test } from "vitest";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { machineOn, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
  await tailnet.api.lock();
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
});

const anyKeys = (text: string): string =>
  text.replace(/nodekey:[0-9a-f]{64}/, "nodekey:HEX").replace(/nlpub:[0-9a-f]{64}/, "nlpub:HEX");

test("up says what to sign where the tailnet's lock keeps the node out, leaves it waiting, and goes on once it is signed", async () => {
  const vm = machineOn(tailnet);
  const up = ["up", "--hostname", "unsigned"];
  const key = { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) };
  const waited = await tsmcp([...up, "--quiet", "--timeout", "2s"], vm, key);
  expect({ ...waited, stderr: anyKeys(waited.stderr) }).toMatchObject({
    exitCode: 1,
    stdout: "",
    stderr:
      'tsmcp: error: "unsigned" is locked out: no signing node of the tailnet\'s lock signed it within 2s; it goes on waiting\n' +
      'tsmcp: hint: run "tailscale lock sign nodekey:HEX nlpub:HEX" on a signing node, then this again, or use an auth key that was signed there ("tailscale lock sign KEY")\n',
  });
  const before = await tsmcp(["status"], vm);
  expect(before.exitCode).toBe(1);
  expect(before.stdout).toContain("does not answer: the tailnet's lock has not signed this node\n");

  await tailnet.api.sign("unsigned");
  const after = await tsmcp(up, vm);
  expect({ exitCode: after.exitCode, stderr: after.stderr }).toMatchObject({ exitCode: 0 });
  expect(await tsmcp(["status"], vm)).toMatchObject({ exitCode: 0 });
  expect(await tsmcp(["down"], vm)).toMatchObject({ exitCode: 0, stdout: "down and logged out\n" });
});

test("up goes on by itself when the node is signed while it waits", async () => {
  const vm = machineOn(tailnet);
  const key = { TS_AUTHKEY: await tailnet.createKey({ ephemeral: true }) };
  const joining = tsmcp(["up", "--hostname", "later"], vm, key);
  await expect.poll(async () => (await tailnet.api.nodes()).map(({ name }) => name)).toContain("later");
  await tailnet.api.sign("later");
  expect(await joining).toMatchObject({ exitCode: 0 });
  await tsmcp(["down"], vm);
});
