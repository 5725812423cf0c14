import type { TargetContext } from "../context.ts";
import { control } from "../facts/control.ts";
import { waysIn } from "../facts/ways-in.ts";
import { createCaller } from "../probe/caller.ts";
import { curlLine } from "../probe/curl.ts";
import type { Disguise } from "../probe/disguise.ts";
import { listWithin, look, type Manner, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { type Inside, insideOf } from "./inside.ts";
import { leakedTools } from "./leaked-tools.ts";
import { narrowed } from "./narrow.ts";
import { publicDoor } from "./public-door.ts";
import { publicSession } from "./public-session.ts";

/** What came of trying to get in from the internet. */
export type Attack =
  /** Not tried: see `Control`. */
  | { readonly kind: "uncontrolled"; readonly reason: string }
  /** Nobody answers there, so there is no door to try. */
  | { readonly kind: "closed"; readonly reason: string }
  | { readonly kind: "tried"; readonly tries: readonly Try[]; readonly allowed: readonly string[] };

export interface Try {
  readonly url: string;
  /** What was sent, in a sentence: "when it sends …". */
  readonly label: string;
  readonly sighting: Sighting;
  /** A shell line that does the same. */
  readonly reproduce: () => string;
}

/** One disguise, and how hard to try it. */
export interface Ruse {
  readonly disguise: Disguise;
  /** Tried by every way that leads to the tools, and not by the cheapest alone. */
  readonly isDeep?: true;
}

/** Sends the disguised requests along the public path, to the place where the tailnet side has its server. */
export async function attack(
  context: TargetContext,
  { signal, ruses }: { readonly signal: AbortSignal; readonly ruses: (inside: Inside) => readonly Ruse[] },
): Promise<Attack> {
  const standing = await control(context);
  if (standing.kind === "missing") return { kind: "uncontrolled", reason: standing.reason };
  const door = await publicDoor(context);
  if (door.kind === "closed") return door;
  const { route } = door;
  const [inside, ways] = await Promise.all([insideOf(context, route), waysIn(context)]);
  const allowed = context.target.publicTools;
  const tryOne = (disguise: Disguise, way: Way): Promise<DisguisedTry> =>
    tryDisguise(context, { route, disguise, way, signal });
  const tries = await Promise.all(
    ruses(inside).flatMap((ruse) => waysFor(ruse, ways).map((way) => tryOne(ruse.disguise, way))),
  );
  const isLeak = ({ sighting }: Try): boolean => leakedTools(sighting.tools, allowed).length > 0;
  return { kind: "tried", tries: await narrowed(tries, { isLeak, again: tryOne }), allowed };
}

/** How one request asks: by an opening of its own, or within a session that was opened without a disguise. */
export type Way = Manner | "within";

function waysFor(
  { isDeep }: Ruse,
  { manners, needsSession }: { readonly manners: readonly Manner[]; readonly needsSession: boolean },
): readonly Way[] {
  if (needsSession) return isDeep === true ? manners : ["within"];
  return isDeep === true ? manners : manners.slice(0, 1);
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
