import type { TargetContext } from "../context.ts";
import type { OpenApproach } from "./approach.ts";
import { leakedTools } from "./leaked-tools.ts";
import { lendSessions } from "./sessions.ts";

/**
 * Whether what a session sees is decided when it is opened, for everybody who has its id: a disguise within it shows nothing
 * then, and only openings are worth their requests. Learnt from the session that the tailnet side lent.
 */
export async function isFixedAtOpening(context: TargetContext, open: OpenApproach): Promise<boolean> {
  if (!open.needsSession || context.machine.request.vantage === "public") return false;
  const lent = await lendSessions(context);
  if (lent.kind !== "tried") return false;
  return lent.tries.some(({ sighting }) => leakedTools(sighting.tools, lent.allowed).length > 0);
}
