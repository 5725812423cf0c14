import { assertOwnServers } from "../config/servers.ts";
import { TsmcpError } from "../core/errors.ts";
import type { Attempt } from "./attempt.ts";
import type { UpFacts } from "./facts.ts";
import { steps as plannedSteps } from "./plan.ts";
import type { Decision, Step, StepReport } from "./steps.ts";

/**
 * Runs the steps of the plan in their order, each decided by the facts as the one before left them, and returns the last
 * facts. `report` hears of each as it ends, also of one that fails.
 */
export async function runSteps(
  before: UpFacts,
  attempt: Attempt,
  report: (one: StepReport) => void,
  steps: readonly Step[] = plannedSteps,
): Promise<UpFacts> {
  let facts = before;
  for (const step of steps) {
    attempt.world.signal.throwIfAborted();
    const { report: one, facts: after } = await runStep(step, facts, attempt, report);
    report(one);
    facts = after;
    if (step.completesJoin) attempt.undo.clear();
  }
  return facts;
}

async function runStep(
  step: Step,
  facts: UpFacts,
  attempt: Attempt,
  report: (one: StepReport) => void,
): Promise<{ report: StepReport; facts: UpFacts }> {
  const start = performance.now();
  const durationMs = (): number => Math.round(performance.now() - start);
  attempt.world.log.debug(`${step.id}: begins`);
  const decision = step.decide(facts, attempt.request);
  try {
    const { status, detail, facts: after } = await outcomeOf(step, decision, facts, attempt);
    // From here on the tailnet is known, however the node came to be logged in.
    if (step.id === "login") assertOwnServers(attempt.request.servers, after.node?.status.magicDnsSuffix ?? "");
    return { report: { id: step.id, status, durationMs: durationMs(), detail }, facts: after };
  } catch (error) {
    const detail = error instanceof TsmcpError ? error.message : decision.detail;
    report({ id: step.id, status: "failed", durationMs: durationMs(), detail });
    throw error;
  }
}

async function outcomeOf(
  step: Step,
  decision: Decision,
  facts: UpFacts,
  attempt: Attempt,
): Promise<Pick<StepReport, "status" | "detail"> & { readonly facts: UpFacts }> {
  if (decision.kind === "act") return step.apply(facts, attempt);
  return { status: decision.kind === "keep" ? "kept" : "skipped", detail: decision.detail, facts };
}
