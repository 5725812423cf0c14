import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { tailnetRoute } from "./tailnet-way.ts";

/** What an ordinary client on the tailnet sees, and at which of the server's URLs. */
export interface TailnetView {
  /** The URL that was asked first. */
  readonly asked: string;
  /** Where redirects on the same host led. */
  readonly route: Route;
  readonly sighting: Sighting;
}

/** Asks at each URL the server may mean, until one of them is an MCP server. */
export const tailnetView = observation(async (context: TargetContext): Promise<TailnetView> => {
  let best: TailnetView | undefined;
  for (const url of context.target.server.tailnetUrls) {
    const route = await tailnetRoute(context, new URL(url));
    const caller = createCaller({ route, disguise: plainly, traffic: context.traffic, signal: context.machine.signal });
    const sighting = await look(caller, "legacy");
    if (best === undefined || sighting.opened) best = { asked: route.url.href, route: caller.settled, sighting };
    if (sighting.kind !== "foreign") break;
  }
  if (best === undefined) throw new Error("a server without a URL");
  return best;
});
