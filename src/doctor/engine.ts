import { setMaxListeners } from "node:events";
import { TsmcpError } from "../core/errors.ts";
import type { JsonObject } from "../core/record.ts";
import { startDeadline } from "../net/deadline.ts";
import type { Check, CheckId, Group, Outcome, Status } from "./check.ts";
import type { MachineContext, TargetContext } from "./context.ts";
import { createGate } from "./traffic.ts";

/** One line of the report. The keys, and their order, are part of the format. */
export interface CheckResult {
  readonly id: CheckId;
  readonly group: Group;
  /** The server's name; null for a check of this machine, and for a server check where no server was named. */
  readonly target: string | null;
  readonly title: string;
  readonly status: Status;
  readonly mandatory: boolean;
  readonly durationMs: number;
  readonly message: string;
  readonly facts: JsonObject;
  readonly reproduce: string | null;
  readonly hint: string | null;
  readonly docs: string;
}

const maxChecksAtOnce = 8;

/** Names one result among those of a run. */
export function keyOf({ id, target }: Pick<CheckResult, "id" | "target">): string {
  return `${id} ${target ?? ""}`;
}

/**
 * Runs the selected checks and, unseen, what they need, each once for the machine or once for each server, as soon as
 * its needs are met. Returns the selected ones' results in the order of the catalogue, server by server.
 */
export async function runChecks(run: {
  readonly catalogue: readonly Check[];
  readonly selected: ReadonlySet<CheckId>;
  /** Taken out by the user: they do not run and hold up nothing; the mandatory ones stay in sight. */
  readonly ignored: ReadonlySet<CheckId>;
  /** What was found out before, by `keyOf`: it is not looked at again. */
  readonly proven?: ReadonlyMap<string, CheckResult>;
  /** Groups that the chosen vantage cannot see, and why: skipped, and holding up nothing. */
  readonly outOfSight: ReadonlyMap<Group, string>;
  readonly machine: MachineContext;
  readonly targets: readonly TargetContext[];
}): Promise<CheckResult[]> {
  const { catalogue, selected, ignored, outOfSight, proven, machine, targets } = run;
  const gate = createGate(maxChecksAtOnce);
  const byId = new Map(catalogue.map((check) => [check.id, check]));
  const begun = new Map<string, Promise<Finished>>();

  const finish = (check: Check, target: TargetContext | undefined): Promise<Finished> => {
    const subject = check.subject === "machine" ? undefined : target;
    const key = `${check.id} ${subject?.index ?? ""}`;
    const known = begun.get(key);
    if (known !== undefined) return known;
    const started = examine(check, subject);
    begun.set(key, started);
    return started;
  };

  const examine = async (check: Check, target: TargetContext | undefined): Promise<Finished> => {
    if (ignored.has(check.id)) {
      const outcome: Outcome = { status: "skip", message: "left out with --skip, though the verdict depends on it" };
      return { result: toResult(check, target, outcome, 0), holdsUp: undefined };
    }
    const known = proven?.get(keyOf({ id: check.id, target: target?.target.server.name ?? null }));
    if (known !== undefined) return { result: known, holdsUp: isObstacle(known) ? known : undefined };
    const blindness = outOfSight.get(check.group);
    if (blindness !== undefined) {
      return { result: toResult(check, target, { status: "skip", message: blindness }, 0), holdsUp: undefined };
    }
    if (check.subject === "target" && target === undefined) {
      const outcome: Outcome = { status: "skip", message: "no server was named", hint: "name a server or a URL" };
      return { result: toResult(check, target, outcome, 0), holdsUp: { id: check.id, ...outcome } };
    }
    const more = check.subject === "target" && target !== undefined ? (check.moreNeeds?.(target) ?? []) : [];
    const needs = [...more, ...check.needs].filter((id) => !ignored.has(id)).flatMap((id) => byId.get(id) ?? []);
    const needed = await Promise.all(needs.map((need) => finish(need, target)));
    const obstacle = needed.find(({ holdsUp }) => holdsUp !== undefined)?.holdsUp;
    if (obstacle !== undefined) {
      return { result: toResult(check, target, skipped(obstacle), 0), holdsUp: obstacle };
    }
    const leave = await gate.enter();
    const startedAt = performance.now();
    try {
      const outcome = await examineInTime(check, { machine, target });
      const result = toResult(check, target, outcome, performance.now() - startedAt);
      const failed = outcome.status === "fail" || outcome.status === "unknown";
      return { result, holdsUp: failed ? { id: check.id, ...outcome } : undefined };
    } finally {
      leave();
    }
  };

  const wanted = catalogue.filter((check) => selected.has(check.id));
  const subjects = targets.length === 0 ? [undefined] : targets;
  const results = await Promise.all([
    ...wanted.filter((check) => check.subject === "machine").map((check) => finish(check, undefined)),
    ...subjects.flatMap((target) =>
      wanted.filter((check) => check.subject === "target").map((check) => finish(check, target)),
    ),
  ]);
  return results.map(({ result }) => result);
}

/** What failed, what could not say, and what could not run for a need of its own. */
function isObstacle({ status, facts }: CheckResult): boolean {
  return status === "fail" || status === "unknown" || (status === "skip" && facts.need !== undefined);
}

/** The first cause: what a check that cannot run names. */
interface Obstacle extends Pick<Outcome, "status" | "message"> {
  readonly hint?: string | null;
  readonly id: CheckId;
}

interface Finished {
  readonly result: CheckResult;
  readonly holdsUp: Obstacle | undefined;
}

async function examineInTime(
  check: Check,
  { machine, target }: { machine: MachineContext; target: TargetContext | undefined },
): Promise<Outcome> {
  const deadline = startDeadline({ signal: machine.signal, timeoutMs: check.timeoutMs });
  // As many listen as requests are under way; that is no leak.
  setMaxListeners(0, deadline.signal);
  try {
    if (check.subject === "machine") return check.judge(await deadline.race(check.gather(machine, deadline.signal)));
    if (target === undefined) throw new Error(`${check.id} was run without a server`);
    return check.judge(await deadline.race(check.gather(target, deadline.signal)));
  } catch (error) {
    if (deadline.expired) return { status: "unknown", message: `no result within ${check.timeoutMs} ms` };
    if (!(error instanceof TsmcpError)) throw error;
    return {
      status: "unknown",
      message: error.message,
      facts: error.facts,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  } finally {
    deadline.stop();
  }
}

function skipped(obstacle: Obstacle): Outcome {
  return {
    status: "skip",
    message: `needs ${obstacle.id}: ${obstacle.message}`,
    facts: { need: obstacle.id, found: obstacle.status },
    hint: obstacle.hint ?? `mend ${obstacle.id} first: tsmcp doctor --explain ${obstacle.id}`,
  };
}

function toResult(check: Check, target: TargetContext | undefined, outcome: Outcome, durationMs: number): CheckResult {
  return {
    id: check.id,
    group: check.group,
    target: target?.target.server.name ?? null,
    title: check.title,
    status: outcome.status,
    mandatory: check.mandatory === true,
    durationMs: Math.round(durationMs),
    message: outcome.message,
    facts: outcome.facts ?? {},
    reproduce: outcome.reproduce ?? null,
    hint: outcome.hint ?? null,
    docs: check.source,
  };
}
