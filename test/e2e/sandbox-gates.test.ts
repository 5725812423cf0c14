import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverFromUrl } from "../../src/config/server.ts";
import { silentLog } from "../../src/core/log.ts";
import { parseConnectTo } from "../../src/doctor/connect-to.ts";
import { type DoctorReport, runDoctor } from "../../src/doctor/run-doctor.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { flawedGates } from "../peers/gates/flawed.ts";
import { type GateOptions, startGate } from "../peers/gates/mcp-server.ts";
import { soundGates } from "../peers/gates/sound.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(async () => {
  await sandbox.close();
});

/** Puts a gate behind both exposures, as the copied recipe has it, and lets the doctor look. */
async function examine(options: GateOptions): Promise<DoctorReport> {
  await using gate = await startGate(options);
  const target = `http://127.0.0.1:${gate.port}`;
  sandbox.serve({ port: 8443, target, acceptAppCaps: ["example.com/cap/mcp"] });
  sandbox.serve({ port: 443, target, funnel: true });
  const { host, callers, ca, binDir, directory } = sandbox;
  return await runDoctor(
    {
      targets: [
        {
          server: serverFromUrl(`https://${host}:8443${options.path ?? "/mcp"}`, "test"),
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

describe("the doctor in a sandbox", () => {
  // The names only; each test makes its gates anew, because they know the server's name.
  it.each(flawedGates("").map(({ name, found }) => ({ name, found })))(
    "finds $found in a gate that $name",
    async ({ name, found }) => {
      const flawed = flawedGates(sandbox.host).find((one) => one.name === name);
      const report = await examine({ gate: flawed?.gate ?? (() => false) });
      const failed = report.checks.filter(({ status }) => status === "fail").map(({ id }) => id);
      expect(failed).toContain(found);
      expect(report.verdict).toBe("fail");
    },
  );

  it.each(soundGates)("finds nothing wrong with a gate that $name", async ({ options }) => {
    const report = await examine(options);
    const amiss = report.checks.filter(
      ({ status, mandatory }) => status === "fail" || (mandatory && status !== "pass"),
    );
    expect(amiss.map(({ id, message }) => ({ id, message }))).toEqual([]);
    expect(report.verdict).toBe("pass");
  });
});
