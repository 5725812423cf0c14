import { setTimeout as wait } from "node:timers/promises";
import type { MachineContext } from "../context.ts";
import { observation } from "../observation.ts";
import { tailnetView } from "./tailnet-view.ts";

/** A stopped tailscaled takes connections and answers none of them. */
const patienceMs = 2_000;

/**
 * Whether any server answers on its tailnet side. Where one does, what looks wrong with Tailscale on this machine is
 * not what keeps the agent from its tools: the tailnet may come from the host, or from a proxy elsewhere.
 */
export const tailnetReached = observation(async ({ request, targets }: MachineContext): Promise<boolean> => {
  if (request.vantage === "public") return false;
  const timeUp = wait(patienceMs, false, { ref: false });
  const answers = targets.map(async (target) => {
    const { sighting } = await tailnetView(target);
    if (!sighting.opened) throw new Error(sighting.reason);
    return true;
  });
  return Promise.race([timeUp, Promise.any(answers).catch(() => false)]);
});
