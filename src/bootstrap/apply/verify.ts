import { messageOf } from "../../core/errors.ts";
import type { Attempt } from "../attempt.ts";
import type { UpFacts } from "../facts.ts";
import type { UpRequest } from "../request.ts";
import { type Applied, act, type Decision, skip } from "../steps.ts";

/** Returns whether the servers are to be proven. */
export function decideVerify(_facts: UpFacts, request: UpRequest): Decision {
  if (!request.verify) return skip("--no-verify");
  if (request.servers.length === 0) return skip("no servers");
  return act(`check ${request.servers.map(({ name }) => name).join(", ")}`);
}

/** Runs the doctor's quick set. Never throws: whatever it finds, the node is up. */
export async function applyVerify(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const { world, request, socket } = attempt;
  try {
    const { verdict, detail } = await world.verify({
      servers: request.servers,
      socket,
      proxy: facts.proxy?.address,
      timeoutMs: Math.max(attempt.remainingMs(), minimumMs),
    });
    world.signal.throwIfAborted();
    if (verdict === "unknown") world.log.warn(`the servers could not be proven: ${detail}`);
    const changed = attempt.hasChanged();
    return { facts, status: verdict === "fail" ? "failed" : changed ? "done" : "kept", detail };
  } catch (error) {
    world.signal.throwIfAborted();
    return { facts, status: "failed", detail: messageOf(error) };
  }
}

/** However long the join took, the checks get this much. */
const minimumMs = 20_000;
