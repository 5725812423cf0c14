import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgeSandbox } from "../../src/cli/sandbox-doctor.ts";
import { silentLog } from "../../src/core/log.ts";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { draw, seedOfRun } from "../peers/gates/draw.ts";
import { recipe } from "../peers/gates/exposure.ts";
import type { Place } from "../peers/gates/flawed.ts";
import { soundWireGates, wireGates } from "../peers/gates/flawed-wire.ts";
import { type SoundServer, soundGates } from "../peers/gates/sound.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(async () => {
  await sandbox.close();
});

/** Puts a gate behind both exposures, as the copied recipe has it, and lets the doctor look. */
function examine(gate: SoundServer, place: Place): Promise<DoctorReport> {
  for (const { verb, port, target } of gate.exposures ?? recipe(gate.port)) {
    if (verb === "serve") sandbox.serve({ port, target, acceptAppCaps: ["example.com/cap/mcp"] });
    else sandbox.serve({ port, target, funnel: true });
  }
  const world = { signal: new AbortController().signal, log: silentLog, path: process.env.PATH ?? "" };
  // Gates go by logins; an agent has none.
  return judgeSandbox(sandbox, { caller: "user", intrusive: true, path: place.path }, world);
}

function failed({ checks }: DoctorReport): readonly string[] {
  return checks.filter(({ status }) => status === "fail").map(({ id }) => id);
}

function amiss({ checks }: DoctorReport): readonly object[] {
  return checks
    .filter(({ status, mandatory }) => status === "fail" || (mandatory && status !== "pass"))
    .map(({ id, message }) => ({ id, message }));
}

const seed = seedOfRun();
const placeOf = (name: string): Place => ({
  ...draw(seed, name),
  publicName: sandbox.host,
  serverAddress: "100.64.0.1",
});

describe("the intrusive doctor in a sandbox", () => {
  it.each(wireGates)("finds $found in a gate that $name", async ({ name, found, isErratic, start }) => {
    const place = placeOf(name);
    await using gate = await start(place);
    const report = await examine(gate, place);
    // Its headers are believed rightly, so nothing else finds it, but for an erratic one where an ordinary look may.
    const sufficient = isErratic === true ? [found, "public.tools"] : [found];
    expect(failed(report), `GATES_SEED=${seed}`).toSatisfy((ids: readonly string[]) =>
      ids.some((id) => sufficient.includes(id)),
    );
    if (isErratic === undefined) expect(failed(report)).toEqual([found]);
    expect(gate.calls).toEqual([]);
  });

  it.each([...soundWireGates, ...soundGates.slice(-4)])(
    "finds nothing wrong with a gate that $name",
    async ({ name, start }) => {
      const place = placeOf(name);
      await using gate = await start(place);
      const report = await examine(gate, place);
      expect(amiss(report)).toEqual([]);
      const intrusive = report.checks.filter(({ id }) =>
        ["separation.connection", "separation.smuggling", "separation.unfinished"].includes(id),
      );
      expect(intrusive.map(({ status }) => status)).toEqual(["pass", "pass", "pass"]);
      expect(report.verdict).toBe("pass");
    },
  );
});
