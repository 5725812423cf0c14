import type { TargetContext } from "../context.ts";
import { createCaller } from "../probe/caller.ts";
import { curlLine } from "../probe/curl.ts";
import type { Disguise } from "../probe/disguise.ts";
import { listWithin, look, type Manner, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { type Approach, approach, type OpenApproach } from "./approach.ts";
import type { Inside } from "./inside.ts";
import { leakedTools } from "./leaked-tools.ts";
import { narrowed } from "./narrow.ts";
import { publicSession } from "./public-session.ts";

/** What came of trying to get in from the internet. */
export type Attack =
  | Exclude<Approach, OpenApproach>
  | { readonly kind: "tried"; readonly tries: readonly Try[]; readonly allowed: readonly string[] };

export interface Try {
  readonly url: string;
  /** What was sent, in a sentence: "when it sends …". */
  readonly label: string;
  readonly sighting: Sighting;
  /** What it got that is no tool: "the internet …". */
  readonly hole?: string | undefined;
  /** A shell line that does the same. */
  readonly reproduce: () => string;
}

/** One disguise, and how hard to try it. */
export interface Ruse {
  readonly disguise: Disguise;
  /**
   * `once`: by the cheapest way, within a session where the server wants one. `opening`: as `once`, but opening the session
   * too, for gates that decide then. `every`: by every way that leads to the tools.
   */
  readonly effort?: "once" | "opening" | "every";
  /** What the disguise adds to: where this alone gets in, the addition is not to blame, and the finding is another check's. */
  readonly beyond?: Disguise;
}

/** Sends the disguised requests along the public path, to the place where the tailnet side has its server. */
export async function attack(
  context: TargetContext,
  { signal, ruses }: { readonly signal: AbortSignal; readonly ruses: (inside: Inside) => readonly Ruse[] },
): Promise<Attack> {
  const open = await approach(context);
  if (open.kind !== "open") return open;
  const { route, inside, allowed } = open;
  const tryOne = (disguise: Disguise, way: Way): Promise<DisguisedTry> =>
    tryDisguise(context, { route, disguise, way, signal });
  const isLeak = ({ sighting }: Try): boolean => leakedTools(sighting.tools, allowed).length > 0;
  const tryRuse = async ({ disguise, beyond }: Ruse, way: Way): Promise<readonly DisguisedTry[]> => {
    const tried = await tryOne(disguise, way);
    return beyond !== undefined && isLeak(tried) && isLeak(await tryOne(beyond, way)) ? [] : [tried];
  };
  const tries = await Promise.all(
    ruses(inside).flatMap((ruse) => waysFor(ruse, open).map((way) => tryRuse(ruse, way))),
  );
  return { kind: "tried", tries: await narrowed(tries.flat(), { isLeak, again: tryOne }), allowed };
}

/** How one request asks: by an opening of its own, or within a session that was opened without a disguise. */
export type Way = Manner | "within";

function waysFor({ effort = "once" }: Ruse, { manners, needsSession }: OpenApproach): readonly Way[] {
  if (effort === "every") return manners;
  // Four requests each, where the server waits to be told that the client is initialized: too many for every disguise.
  const isDear = effort === "opening" && manners[0]?.confirms === true;
  return needsSession && (effort === "once" || isDear) ? ["within"] : manners.slice(0, 1);
}

async function tryDisguise(
  context: TargetContext,
  request: { readonly route: Route; readonly disguise: Disguise; readonly way: Way; readonly signal: AbortSignal },
): Promise<DisguisedTry> {
  const { route, disguise, way, signal } = request;
  const caller = createCaller({ route, disguise, traffic: context.traffic, signal });
  const attempt = async (): Promise<Sighting> => {
    if (way !== "within") return look(caller, way);
    const session = await publicSession(context, route);
    return session.kind === "open" ? listWithin(caller, session.headers) : look(caller, "legacy");
  };
  const first = await attempt();
  // What stands between may have stumbled; the server's own answer comes twice.
  const sighting = first.status !== undefined && first.status >= 502 ? await attempt() : first;
  return {
    url: route.url.href,
    label: disguise.label,
    sighting,
    disguise,
    way,
    reproduce: () =>
      curlLine({ route, disguise, opening: sighting.opening, session: sighting.session || way === "within" }),
  };
}

export interface DisguisedTry extends Try {
  readonly disguise: Disguise;
  readonly way: Way;
}
