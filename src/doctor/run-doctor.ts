import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { catalogue } from "./catalogue.ts";
import type { Group } from "./check.ts";
import type { DoctorRequest, MachineContext, TargetContext, Vantage, World } from "./context.ts";
import { type CheckResult, runChecks } from "./engine.ts";
import { selectChecks } from "./selection.ts";
import { createGate, createTraffic, maxRequestsAtOnce } from "./traffic.ts";
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

const retryEveryMs = 1_000;

/**
 * Returns what the selected checks say of this machine and the servers. It changes nothing there. With `waitMs` it
 * looks again until all is well, the time is up, or the internet got in: that does not heal by waiting.
 * Throws `usage-invalid` for unknown check ids and bad proxies, and the reason of `world.signal` when that fires.
 */
export async function runDoctor(request: DoctorRequest, world: World): Promise<DoctorReport> {
  const startedAt = performance.now();
  let requests = 0;
  for (;;) {
    const round = await examine(request, world);
    requests += round.requests;
    const verdict = verdictOf(round.checks, { strict: request.strict });
    const leftMs = request.waitMs - (performance.now() - startedAt);
    if (verdict === "pass" || leftMs <= 0 || round.checks.some(isHole)) {
      return {
        version: 1,
        verdict,
        vantage: request.vantage,
        durationMs: Math.round(performance.now() - startedAt),
        requests,
        targets: request.targets.map(reportTarget),
        checks: round.checks,
      };
    }
    const open = round.checks.find(({ status }) => status === "fail" || status === "unknown");
    world.log.debug(`not yet: ${open?.id ?? "a check"}: ${open?.message ?? "skipped"}`);
    await wait(Math.min(retryEveryMs, leftMs), undefined, { signal: world.signal });
  }
}

async function examine(request: DoctorRequest, world: World): Promise<{ checks: CheckResult[]; requests: number }> {
  const { selected, ignored } = selectChecks(catalogue, request);
  const gate = createGate(maxRequestsAtOnce);
  const targets: TargetContext[] = [];
  // Ends what a check began and did not wait for.
  const over = new AbortController();
  const signal = AbortSignal.any([world.signal, over.signal]);
  // As many listen as requests are under way; that is no leak.
  setMaxListeners(0, signal);
  const machine: MachineContext = { request, world, signal, targets };
  for (const [index, target] of request.targets.entries()) {
    targets.push({ machine, target, index, traffic: createTraffic({ gate }) });
  }
  const outOfSight = groupsOutOfSight(request.vantage);
  try {
    const checks = await runChecks({ catalogue, selected, ignored, outOfSight, machine, targets });
    const secrets = request.headers.flatMap((header) => header.secrets);
    return {
      checks: checks.map((check) => withoutSecrets(check, secrets)),
      requests: targets.reduce((sum, { traffic }) => sum + traffic.requests, 0),
    };
  } finally {
    over.abort(new Error("the run is over"));
  }
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
