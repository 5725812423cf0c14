import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { seedOfRun } from "../peers/gates/draw.ts";
import type { Place } from "../peers/gates/flawed.ts";
import { commonHeaderGates } from "../peers/gates/flawed-headers.ts";
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
  examineGate(sandbox, gate, { path, intrusive: false });

describe("the doctor in a sandbox", () => {
  it.each(commonHeaderGates)("finds $found in a gate that $name", async ({ name, found, start }) => {
    const place = placeOf(name);
    await using gate = await start(place);
    const report = await examine(gate, place);
    expect(failed(report), `GATES_SEED=${seed}`).toContain(found);
    expect(report.verdict).toBe("fail");
  });

  it.each(soundGates)("finds nothing wrong with a gate that $name", async ({ name, start }) => {
    const place = placeOf(name);
    await using gate = await start(place);
    const report = await examine(gate, place);
    expect(amiss(report)).toEqual([]);
    expect(report.verdict).toBe("pass");
  });
});
