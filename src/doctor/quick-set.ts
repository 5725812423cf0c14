import { quickSet } from "./catalogue.ts";
import type { ConnectToRule } from "./connect-to.ts";
import type { World } from "./context.ts";
import { type DoctorReport, runDoctor } from "./run-doctor.ts";
import type { Target } from "./target.ts";

/** Runs what `up` asks at its end: will the agent have its tools, and the internet none? */
export function runQuickSet(
  { targets, connectTo }: { readonly targets: readonly Target[]; readonly connectTo: readonly ConnectToRule[] },
  world: World,
): Promise<DoctorReport> {
  return runDoctor(
    {
      targets,
      connectTo,
      only: quickSet,
      skip: [],
      strict: false,
      waitMs: 0,
      vantage: "auto",
      publicDns: undefined,
      headers: [],
      authorized: [],
      capabilities: [],
    },
    world,
  );
}
