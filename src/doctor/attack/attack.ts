import type { TargetContext } from "../context.ts";
import { createCaller } from "../probe/caller.ts";
import { curlLine } from "../probe/curl.ts";
import type { Disguise } from "../probe/disguise.ts";
import { listWithin, look, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { type Approach, approach, type OpenApproach } from "./approach.ts";
import { isFixedAtOpening } from "./fixed-at-opening.ts";
import type { Inside } from "./inside.ts";
import { leakedTools } from "./leaked-tools.ts";
import { narrowed } from "./narrow.ts";
import { type Plan, planned, type Terms, type Way } from "./plan.ts";
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

/** One disguise. Those that gates know best come first: what requests are left over is spent on them. */
export interface Ruse {
  readonly disguise: Disguise;
  /** Worth trying by every way that leads to the tools. */
  readonly isStrong?: boolean;
  /** What the disguise adds to: where this alone gets in, the addition is not to blame, and the finding is another check's. */
  readonly beyond?: Disguise;
}

/** Sends the disguised requests along the public path, to the place where the tailnet side has its server. */
export async function attack(
  context: TargetContext,
  {
    signal,
    ruses,
    share,
  }: {
    readonly signal: AbortSignal;
    readonly ruses: (inside: Inside) => readonly Ruse[];
    /** How many requests it may plan with. */
    readonly share: number;
  },
): Promise<Attack> {
  const open = await approach(context);
  if (open.kind !== "open") return open;
  const { route, inside, allowed } = open;
  const spare = { left: maxSpareAttempts };
  const tryOne = (disguise: Disguise, way: Way): Promise<DisguisedTry> =>
    tryDisguise(context, { route, disguise, way, spare, signal });
  const isLeak = ({ sighting }: Try): boolean => leakedTools(sighting.tools, allowed).length > 0;
  const tryRuse = async ({ disguise, beyond }: Ruse, way: Way): Promise<readonly DisguisedTry[]> => {
    const tried = await tryOne(disguise, way);
    return beyond !== undefined && isLeak(tried) && isLeak(await tryOne(beyond, way)) ? [] : [tried];
  };
  const plan = planned(ruses(inside), { ...(await termsOf(context, open)), share });
  const first = await Promise.all(
    plan.steps.flatMap(({ ruse, ways }) => ways.map(async (way) => ({ ruse, tries: await tryRuse(ruse, way) }))),
  );
  const [opening] = open.manners;
  const second =
    opening === undefined ? [] : await Promise.all(openings(first, plan).map((ruse) => tryRuse(ruse, opening)));
  const tries = [...first.flatMap((one) => one.tries), ...second.flat()];
  return { kind: "tried", tries: await narrowed(tries, { isLeak, again: tryOne }), allowed };
}

/** Where strangers get no session to forge requests in, each opens its own, which is most often refused at once. */
async function termsOf(
  context: TargetContext,
  open: OpenApproach,
): Promise<Pick<Terms, "manners" | "needsSession" | "isFixed">> {
  const { manners, needsSession, route } = open;
  if (!needsSession) return { manners, needsSession, isFixed: false };
  const { kind } = await publicSession(context, route);
  if (kind === "open") return { manners, needsSession, isFixed: await isFixedAtOpening(context, open) };
  return { manners: manners.map((manner) => ({ ...manner, wantsSession: true })), needsSession: false, isFixed: false };
}

/**
 * Returns the ruses that are worth a session of their own, as many as the plan has requests left for: before all others those
 * that a session of no disguise did not bear, as where it is good only for callers like the one that opened it. They are taken
 * for somebody else.
 */
function openings(
  tried: readonly { readonly ruse: Ruse; readonly tries: readonly DisguisedTry[] }[],
  { openingsLeft }: Plan,
): readonly Ruse[] {
  const opened = new Set(
    tried.filter(({ tries }) => tries.some(({ way }) => way !== "within")).map(({ ruse }) => ruse),
  );
  const within = tried.filter(({ ruse }) => !opened.has(ruse));
  const isBorne = ({ tries }: (typeof tried)[number]): boolean =>
    tries.every(({ sighting }) => sighting.kind === "listed");
  const inOrder = [...within.filter((one) => !isBorne(one)), ...within.filter(isBorne)];
  return inOrder.slice(0, openingsLeft).map(({ ruse }) => ruse);
}

async function tryDisguise(
  context: TargetContext,
  request: {
    readonly route: Route;
    readonly disguise: Disguise;
    readonly way: Way;
    readonly spare: { left: number };
    readonly signal: AbortSignal;
  },
): Promise<DisguisedTry> {
  const { route, disguise, way, spare, signal } = request;
  const caller = createCaller({ route, disguise, traffic: context.traffic, signal });
  const attempt = async (): Promise<Sighting> => {
    if (way !== "within") return look(caller, way);
    const session = await publicSession(context, route);
    return session.kind === "open" ? listWithin(caller, session.headers) : look(caller, "legacy");
  };
  let sighting = await attempt();
  // What stands between may have stumbled; the server's own answer comes twice.
  if (isRelays(sighting)) sighting = await attempt();
  for (let again = 0; again < maxAgain && isRelays(sighting) && spare.left > 0; again++) {
    spare.left -= 1;
    sighting = await attempt();
  }
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

/**
 * A server that refuses what it has not read to the end breaks the connection, and whether the relay sees the refusal before
 * is chance: to thousand lines, of Node.js 24.21 behind tailscaled, one time in seven it does not.
 */
const maxAgain = 3;

/** All of them in one attack: a server behind which nothing answers would use up what other attacks need. */
const maxSpareAttempts = 12;

function isRelays({ status, kind }: Sighting): boolean {
  return status === undefined ? kind === "broken" : status >= 502;
}

export interface DisguisedTry extends Try {
  readonly disguise: Disguise;
  readonly way: Way;
}
