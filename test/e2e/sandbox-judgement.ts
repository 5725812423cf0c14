import { judgeSandbox } from "../../src/cli/sandbox-doctor.ts";
import { silentLog } from "../../src/core/log.ts";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { draw } from "../peers/gates/draw.ts";
import { recipe } from "../peers/gates/exposure.ts";
import type { Place } from "../peers/gates/flawed.ts";
import type { SoundServer } from "../peers/gates/sound.ts";

/** Puts a gate behind both exposures, as the copied recipe has it, and lets the doctor look. */
export function examineGate(
  sandbox: Sandbox,
  gate: SoundServer,
  { path, intrusive }: { readonly path: string; readonly intrusive: boolean },
): Promise<DoctorReport> {
  for (const { verb, port, target } of gate.exposures ?? recipe(gate.port)) {
    if (verb === "serve") sandbox.serve({ port, target, acceptAppCaps: ["example.com/cap/mcp"] });
    else sandbox.serve({ port, target, funnel: true });
  }
  const world = { signal: new AbortController().signal, log: silentLog, path: process.env.PATH ?? "" };
  // Gates go by logins; an agent has none.
  return judgeSandbox(sandbox, { caller: "user", intrusive, path }, world);
}

/** Where a gate stands in a sandbox, drawn by its name. */
export function placeIn(sandbox: Sandbox, seed: number, name: string): Place {
  return { ...draw(seed, name), publicName: sandbox.host, serverAddress: "100.64.0.1" };
}

export function failed({ checks }: DoctorReport): readonly string[] {
  return checks.filter(({ status }) => status === "fail").map(({ id }) => id);
}

export function amiss({ checks }: DoctorReport): readonly object[] {
  return checks
    .filter(({ status, mandatory }) => status === "fail" || (mandatory && status !== "pass"))
    .map(({ id, message }) => ({ id, message }));
}
