import { setTimeout as wait } from "node:timers/promises";
import type { MachineContext, TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { tailnetView } from "./tailnet-view.ts";
import { tailnetRoute } from "./tailnet-way.ts";

/** A stopped tailscaled takes connections and leads nowhere. */
const patienceMs = 2_000;

/**
 * Whether any server answers on its tailnet side. Where one does, what looks wrong with Tailscale on this machine is
 * not what keeps the agent from its tools: the tailnet may come from the host, or from a proxy elsewhere. A server that was
 * reached may take its time to answer; one that cannot be reached is not waited for.
 */
export const tailnetReached = observation(async ({ request, targets }: MachineContext): Promise<boolean> => {
  if (request.vantage === "public") return false;
  const answers = targets.map(async (target) => {
    if (!(await isReached(target))) throw new Error("not reached");
    const { sighting } = await tailnetView(target);
    if (!sighting.opened) throw new Error(sighting.reason);
    return true;
  });
  return Promise.any(answers).catch(() => false);
});

async function isReached(target: TargetContext): Promise<boolean> {
  const [url] = target.target.server.tailnetUrls;
  const { shared, open } = await tailnetRoute(target, new URL(url));
  const reached = async (): Promise<boolean> => {
    if (shared !== undefined) await shared.open();
    else (await open(target.machine.signal)).destroy();
    return true;
  };
  return Promise.race([wait(patienceMs, false, { ref: false }), reached()]);
}
