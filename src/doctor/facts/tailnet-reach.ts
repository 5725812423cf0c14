import type { MachineContext } from "../context.ts";
import { observation } from "../observation.ts";
import { tailnetView } from "./tailnet-view.ts";

/**
 * Whether any server answers on its tailnet side. Where one does, what looks wrong with Tailscale on this machine is
 * not what keeps the agent from its tools: the tailnet may come from the host, or from a proxy elsewhere.
 */
export const tailnetReached = observation(async ({ request, targets }: MachineContext): Promise<boolean> => {
  if (request.vantage === "public") return false;
  const views = await Promise.all(targets.map(tailnetView));
  return views.some(({ sighting }) => sighting.opened);
});
