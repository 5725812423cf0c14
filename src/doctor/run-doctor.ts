import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { catalogue, intrusiveCatalogue } from "./catalogue.ts";
import type { CheckId, Group } from "./check.ts";
import type { DoctorRequest, MachineContext, TargetContext, Vantage, World } from "./context.ts";
import { type CheckResult, keyOf, runChecks } from "./engine.ts";
import { selectChecks } from "./selection.ts";
import { createGate, createTraffic, maxRequestsAtOnce, type Traffic } from "./traffic.ts";
import { type Verdict, verdictOf } from "./verdict.ts";
import { withoutSecrets } from "./without-secrets.ts";

/** What a run found out. The keys are part of the format (CONTRACT "Doctor"). */
export interface DoctorReport {
  readonly version: 1;
  readonly verdict: Verdict;
  readonly vantage: Vantage;
  readonly durationMs: number;
  /** HTTP requests sent to the servers. */
  readonly requests: number;
  readonly targets: readonly TargetReport[];
  readonly checks: readonly CheckResult[];
}

export interface TargetReport {
  readonly name: string;
  readonly tailnetUrl: string;
  readonly publicUrl: string | null;
  /** Which of the two was worked out from the other. */
  readonly derived: "tailnet" | "public" | "none";
}

/** Doubled each time, because every look is a few requests. */
const firstPauseMs = 1_000;
const longestPauseMs = 8_000;

/**
 * Returns what the selected checks say of this machine and the servers. It changes nothing there. With `waitMs` it
 * looks again until all is well, the time is up, the server asked to be left alone, or the internet got in: that does not
 * heal by waiting. What was shown once is not tried again. Throws `usage-invalid` for unknown check ids and bad proxies, and
 * the reason of `world.signal` when that fires.
 */
export async function runDoctor(request: DoctorRequest, world: World): Promise<DoctorReport> {
  const startedAt = performance.now();
  const gate = createGate(maxRequestsAtOnce);
  const traffics = request.targets.map(() => createTraffic({ gate }));
  let proven: ReadonlyMap<string, CheckResult> = new Map();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    for (const traffic of traffics) traffic.beginRound();
    const checks = await examine({ request, world, traffics, proven });
    const verdict = verdictOf(checks, { strict: request.strict });
    const leftMs = request.waitMs - (performance.now() - startedAt);
    const isAtPeace = traffics.every(({ peace }) => peace === undefined);
    if (verdict === "pass" || leftMs <= 0 || !isAtPeace || checks.some(isHole)) {
      return {
        version: 1,
        verdict,
        vantage: request.vantage,
        durationMs: Math.round(performance.now() - startedAt),
        requests: traffics.reduce((sum, { requests }) => sum + requests, 0),
        targets: request.targets.map(reportTarget),
        checks,
      };
    }
    proven = new Map(checks.filter(isWithstood).map((check) => [keyOf(check), check]));
    const open = checks.find(({ status }) => status === "fail" || status === "unknown");
    world.log.debug(`not yet: ${open?.id ?? "a check"}: ${open?.message ?? "skipped"}`);
    await wait(Math.min(pauseMs, leftMs), undefined, { signal: world.signal });
  }
}

async function examine({
  request,
  world,
  traffics,
  proven,
}: {
  readonly request: DoctorRequest;
  readonly world: World;
  readonly traffics: readonly Traffic[];
  readonly proven: ReadonlyMap<string, CheckResult>;
}): Promise<readonly CheckResult[]> {
  const selection = selectChecks(catalogue, request);
  const targets: TargetContext[] = [];
  // Ends what a check began and did not wait for.
  const over = new AbortController();
  const signal = AbortSignal.any([world.signal, over.signal]);
  // As many listen as requests are under way; that is no leak.
  setMaxListeners(0, signal);
  const machine: MachineContext = { request, world, signal, targets };
  for (const [index, target] of request.targets.entries()) {
    const traffic = traffics[index];
    if (traffic !== undefined) targets.push({ machine, target, index, traffic, farewells: [] });
  }
  const outOfSight = groupsOutOfSight(request.vantage);
  try {
    const ordinary = await runChecks({ catalogue, ...selection, outOfSight, proven, machine, targets });
    await Promise.all(targets.flatMap(({ farewells }) => farewells.map((farewell) => farewell())));
    const checks =
      world.laboratory === undefined ? ordinary : [...ordinary, ...(await intrude(machine, { outOfSight, ordinary }))];
    const secrets = request.headers.flatMap((header) => header.secrets);
    return checks.map((check) => withoutSecrets(check, secrets));
  } finally {
    over.abort(new Error("the run is over"));
  }
}

/** Tries what no real host may be sent, one check after another, with nothing else under way and a share of its own. */
async function intrude(
  machine: MachineContext,
  {
    outOfSight,
    ordinary,
  }: { readonly outOfSight: ReadonlyMap<Group, string>; readonly ordinary: readonly CheckResult[] },
): Promise<CheckResult[]> {
  const proven = new Map(ordinary.map((result) => [keyOf(result), result]));
  const results: CheckResult[] = [];
  for (const check of intrusiveCatalogue) {
    const targets: TargetContext[] = machine.targets.map((target) => ({
      ...target,
      traffic: createTraffic({ gate: createGate(maxRequestsAtOnce) }),
      farewells: [],
    }));
    const run = {
      catalogue: [...catalogue, ...intrusiveCatalogue],
      selected: new Set([check.id]),
      ignored: new Set<CheckId>(),
      proven,
      outOfSight,
    };
    results.push(...(await runChecks({ ...run, machine: { ...machine, targets }, targets })));
    await Promise.all(targets.flatMap(({ farewells }) => farewells.map((farewell) => farewell())));
  }
  return results;
}

/** An attack that got nothing is not made again while something else is waited for. */
function isWithstood({ group, status }: CheckResult): boolean {
  return group === "separation" && status === "pass";
}

function groupsOutOfSight(vantage: Vantage): ReadonlyMap<Group, string> {
  const groups: Readonly<Record<Vantage, readonly Group[]>> = {
    auto: [],
    public: ["tailscale", "proxy", "tailnet"],
    tailnet: ["public", "separation"],
  };
  return new Map(groups[vantage].map((group) => [group, `not looked at: --vantage ${vantage}`]));
}

function isHole({ group, status }: CheckResult): boolean {
  return status === "fail" && (group === "public" || group === "separation");
}

function reportTarget({ server }: DoctorRequest["targets"][number]): TargetReport {
  return {
    name: server.name,
    tailnetUrl: server.tailnetUrls[0],
    publicUrl: server.publicUrls?.[0] ?? null,
    derived: server.derived,
  };
}
