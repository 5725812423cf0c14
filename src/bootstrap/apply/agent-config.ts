import { writeRecord } from "../../core/record.ts";
import type { Attempt } from "../attempt.ts";
import { recordOf, type UpFacts } from "../facts.ts";
import type { UpRequest } from "../request.ts";
import { type Applied, act, type Decision, done, keep, skip } from "../steps.ts";

/** Returns whether an agent's file must be written. */
export function decideAgentConfig({ agentPlan }: UpFacts, { servers, agents }: UpRequest): Decision {
  if (servers.length === 0) return skip("no servers");
  if (agents.dialects.length === 0 || agentPlan === undefined)
    return skip("no known agent works here; name one with --agent");
  const outcomes = agentPlan.files.flatMap((file) => file.outcomes);
  const details = outcomes.map(({ detail }) => detail).join("; ");
  return agentPlan.files.some(({ changes }) => changes) ? act(details) : keep(details);
}

/** Writes the agents' files, each all or nothing. Throws `agent-config-invalid`, and `busy` as `applyAgentFile` does. */
export async function applyAgentConfig(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const { agentPlan } = facts;
  if (agentPlan === undefined) return { facts, status: "kept", detail: "" };
  const record = { ...recordOf(facts, attempt), entries: agentPlan.records };
  // Before the files: should we be killed in between, `down` knows what may stand in them.
  writeRecord(attempt.world, record);
  // Loaded by now, and only where there are servers.
  const { applyAgentFile } = await import("../../agents/agent-files.ts");
  for (const file of agentPlan.files) applyAgentFile(file);
  const written = agentPlan.files.filter(({ changes }) => changes).map(({ path }) => path);
  const outcomes = agentPlan.files.flatMap((file) => file.outcomes);
  const detail = outcomes.map((outcome) => outcome.detail).join("; ");
  return done({ ...facts, record, files: [...facts.files, ...written] }, detail);
}
