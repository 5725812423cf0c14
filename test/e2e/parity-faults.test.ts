import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultCases } from "../parity/faults.ts";
import { type ParityWorld, startRealWorld, startSandboxWorld } from "../parity/world.ts";
import { type GateServer, startGate } from "../peers/gates/mcp-server.ts";

let real: ParityWorld;
let sandbox: ParityWorld;
let server: GateServer;

beforeAll(async () => {
  [real, sandbox, server] = await Promise.all([
    // Else the relay would carry nothing.
    startRealWorld({ nodeEnv: { TS_DEBUG_NEVER_DIRECT_UDP: "1" } }),
    startSandboxWorld(),
    startGate({ gate: () => true, tools: ["read_notes"] }),
  ]);
  const target = `http://127.0.0.1:${server.port}`;
  for (const world of [real, sandbox]) {
    await world.serve({ port: 8443, target });
    await world.funnel({ port: 443, target });
  }
});

afterAll(async () => {
  for (const part of [real, sandbox, server]) await part?.[Symbol.asyncDispose]();
});

describe("a fault in the sandbox", () => {
  // One after another: some of them are the whole tailnet's.
  it.each(faultCases.map((one, index) => ({ ...one, hostname: `vm${index}` })))(
    "looks as it does on the real tailnet when $title",
    async ({ look, hostname }) => {
      const looks = [real, sandbox].map((world) => look(world, world.startMachine(hostname)));
      const [theirs, ours] = await Promise.all(looks);
      expect(ours).toEqual(theirs);
    },
  );
});
