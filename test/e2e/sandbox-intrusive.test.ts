import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { seedOfRun } from "../peers/gates/draw.ts";
import type { Place } from "../peers/gates/flawed.ts";
import { soundWireGates, wireGates } from "../peers/gates/flawed-wire.ts";
import { type SoundServer, soundGates } from "../peers/gates/sound.ts";
import { amiss, examineGate, failed, placeIn } from "./sandbox-judgement.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(async () => {
  await sandbox.close();
});

const seed = seedOfRun();
const placeOf = (name: string): Place => placeIn(sandbox, seed, name);
const examine = (gate: SoundServer, { path }: Place): Promise<DoctorReport> =>
  examineGate(sandbox, gate, { path, intrusive: true });

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
