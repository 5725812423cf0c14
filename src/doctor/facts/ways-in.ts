import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Manner, type Opening } from "../probe/look.ts";
import { publicView } from "./public-view.ts";
import { tailnetView } from "./tailnet-view.ts";

/** The ways in which the server lets somebody in who may see the tools; the cheapest first. */
export interface WaysIn {
  readonly manners: readonly Manner[];
  /** Whether nothing is listed but within a session. */
  readonly needsSession: boolean;
}

/**
 * Asks on the tailnet side, where the tools are shown: what opens nothing there opens nothing for a stranger who is taken
 * for somebody there. Where that side is out of sight, every way may be one.
 */
export const waysIn = observation(async (context: TargetContext): Promise<WaysIn> => {
  if (context.machine.request.vantage === "public") return fromOutside(context);
  const { route, sighting } = await tailnetView(context);
  if (sighting.tools.length === 0) return fromOutside(context);
  const { traffic, machine } = context;
  const caller = createCaller({ route, disguise: plainly, traffic, signal: machine.signal });
  const others: readonly Opening[] = sighting.opening === "modern" ? ["none"] : ["none", "modern"];
  const seen = await Promise.all(others.map((opening) => look(caller, opening)));
  const listing = [...seen, sighting].filter(({ tools }) => tools.length > 0);
  // Where there is no session to open, an opening adds nothing to the request that follows it.
  const isStateless = !sighting.session && listing.some(({ opening }) => opening === "none");
  const known = isStateless ? listing.filter(({ opening }) => opening !== "legacy") : listing;
  return { manners: known.map(mannerOf), needsSession: known.every(({ opening }) => opening === "legacy") };
});

async function fromOutside(context: TargetContext): Promise<WaysIn> {
  const view = await publicView(context);
  const looks = view.kind === "seen" ? view.looks : [];
  const legacy = looks.find(({ sighting }) => sighting.opened && sighting.opening === "legacy")?.sighting;
  const manners: Manner[] = [{ opening: "none" }, { opening: "modern" }];
  manners.push(legacy === undefined ? { opening: "legacy" } : mannerOf(legacy));
  return { manners, needsSession: legacy?.session === true };
}

function mannerOf({ opening, confirmed }: { readonly opening: Opening; readonly confirmed: boolean }): Manner {
  return { opening, confirms: confirmed };
}
