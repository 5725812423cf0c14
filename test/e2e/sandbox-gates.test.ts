import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverFromUrl } from "../../src/config/server.ts";
import { silentLog } from "../../src/core/log.ts";
import { parseConnectTo } from "../../src/doctor/connect-to.ts";
import { type DoctorReport, runDoctor } from "../../src/doctor/run-doctor.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { draw, seedOfRun } from "../peers/gates/draw.ts";
import { recipe } from "../peers/gates/exposure.ts";
import type { Place } from "../peers/gates/flawed.ts";
import { commonHeaderGates } from "../peers/gates/flawed-headers.ts";
import { type SoundServer, soundGates } from "../peers/gates/sound.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(async () => {
  await sandbox.close();
});

/** Puts a gate behind both exposures, as the copied recipe has it, and lets the doctor look. */
async function examine(gate: SoundServer, path: string): Promise<DoctorReport> {
  for (const { verb, port, target } of gate.exposures ?? recipe(gate.port)) {
    if (verb === "serve") sandbox.serve({ port, target, acceptAppCaps: ["example.com/cap/mcp"] });
    else sandbox.serve({ port, target, funnel: true });
  }
  const { host, callers, ca, binDir, directory } = sandbox;
  return await runDoctor(
    {
      targets: [
        {
          server: serverFromUrl(`https://${host}:8443${path}`, "test"),
          expectedTools: [],
          minTools: undefined,
          publicTools: [],
          probe: undefined,
        },
      ],
      only: ["tailnet", "public", "separation"],
      skip: [],
      strict: false,
      waitMs: 0,
      vantage: "auto",
      connectTo: callers.internet.connectTo.map(parseConnectTo),
      publicDns: undefined,
      headers: [],
      authorized: [host],
      capabilities: [],
    },
    {
      // Gates go by logins; an agent has none.
      env: { PATH: binDir, HOME: directory, TSMCP_PROXY: callers.user.proxy },
      signal: new AbortController().signal,
      log: silentLog,
      socket: `${directory}/none.sock`,
      ca,
    },
  );
}

const seed = seedOfRun();
const placeOf = (name: string): Place => ({
  ...draw(seed, name),
  publicName: sandbox.host,
  serverAddress: "100.64.0.1",
});

describe("the doctor in a sandbox", () => {
  it.each(commonHeaderGates)("finds $found in a gate that $name", async ({ name, found, start }) => {
    const place = placeOf(name);
    await using gate = await start(place);
    const report = await examine(gate, place.path);
    const failed = report.checks.filter(({ status }) => status === "fail").map(({ id }) => id);
    expect(failed, `GATES_SEED=${seed}`).toContain(found);
    expect(report.verdict).toBe("fail");
  });

  it.each(soundGates)("finds nothing wrong with a gate that $name", async ({ name, start }) => {
    const place = placeOf(name);
    await using gate = await start(place);
    const report = await examine(gate, place.path);
    const amiss = report.checks.filter(
      ({ status, mandatory }) => status === "fail" || (mandatory && status !== "pass"),
    );
    expect(amiss.map(({ id, message }) => ({ id, message }))).toEqual([]);
    expect(report.verdict).toBe("pass");
  });
});
