import { TsmcpError } from "../../core/errors.ts";
import type { TargetContext } from "../context.ts";
import { control } from "../facts/control.ts";
import { publicView } from "../facts/public-view.ts";
import { publicRoute, publicWay } from "../facts/public-way.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller } from "../probe/caller.ts";
import type { Disguise } from "../probe/disguise.ts";
import { look, type Opening, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { endOf } from "../target.ts";
import { hostDisguises } from "./hosts.ts";
import { leakedTools } from "./leaked-tools.ts";

/** What came of trying to get in from the internet. */
export type Attack =
  /** Not tried: see `Control`. */
  | { readonly kind: "uncontrolled"; readonly reason: string }
  /** Nobody answers there, so there is no door to try. */
  | { readonly kind: "closed"; readonly reason: string }
  | { readonly kind: "tried"; readonly tries: readonly Try[]; readonly allowed: readonly string[] };

export interface Try {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly sighting: Sighting;
}

/** Where a request from inside the tailnet would have gone. */
export interface Inside {
  readonly host: string;
  readonly port: number;
}

/** What to try; `openToHost` says that a forged host name alone gets in, so that it is not told twice. */
export type Disguises = (
  inside: Inside,
  known: { readonly openToHost: () => Promise<boolean> },
) => Promise<readonly Disguise[]>;

/** Sends the disguised requests along the public path, to the place where the tailnet side has its server. */
export async function attack(
  context: TargetContext,
  { signal, disguises }: { readonly signal: AbortSignal; readonly disguises: Disguises },
): Promise<Attack> {
  const standing = await control(context);
  if (standing.kind === "missing") return { kind: "uncontrolled", reason: standing.reason };
  const door = await publicDoor(context);
  if (door.kind === "closed") return door;
  const { route, opening } = door;
  const publicEnd = endOf(route.url);
  const tailnetEnd = endOf(new URL(context.target.server.tailnetUrls[0]));
  const inside = { host: publicEnd.host, port: tailnetEnd.port };
  const attempt = async (disguise: Disguise): Promise<Try> => {
    const caller = createCaller({ route, disguise, traffic: context.traffic, signal });
    return { route, disguise, sighting: await look(caller, opening) };
  };
  const allowed = context.target.publicTools;
  const openToHost = async (): Promise<boolean> => {
    const [plainest] = hostDisguises(inside);
    if (plainest === undefined) return false;
    const { sighting } = await attempt(plainest);
    return leakedTools(sighting.tools, allowed).length > 0;
  };
  const tries = await Promise.all((await disguises(inside, { openToHost })).map(attempt));
  return { kind: "tried", tries, allowed };
}

type Door =
  | { readonly kind: "open"; readonly route: Route; readonly opening: Opening }
  | { readonly kind: "closed"; readonly reason: string };

/** No door to try proves nothing where it was not seen to be closed. */
function unreachable(reason: string): TsmcpError {
  return new TsmcpError({
    code: "http-failed",
    message: `the public side cannot be reached from here: ${reason}`,
    hint: "run it where the internet is reached, or name the address with --connect-to",
  });
}

/**
 * Returns the public way to the path at which the tailnet side answers, else to the first that opened there.
 * Throws `http-failed` where the public side cannot be reached.
 */
export async function publicDoor(context: TargetContext): Promise<Door> {
  const [way, view] = await Promise.all([publicWay(context), publicView(context)]);
  if (view.kind === "closed") return view;
  if (view.kind === "unknown") throw unreachable(view.reason);
  if (way.kind !== "open") throw unreachable("its address is not known");
  const { server } = context.target;
  const urls = (server.publicUrls ?? []).map((url) => new URL(url));
  if (context.machine.request.vantage !== "public") {
    const { route, sighting } = await tailnetView(context);
    const same = urls.find((url) => url.pathname === route.url.pathname);
    const url = same ?? urls[0];
    if (sighting.opened && url !== undefined)
      return { kind: "open", route: publicRoute(context, way, url), opening: sighting.opening };
  }
  const known = view.looks.find(({ sighting }) => sighting.opened) ?? view.looks[0];
  if (known === undefined) return { kind: "closed", reason: "the server has no public side" };
  return { kind: "open", route: known.route, opening: known.sighting.opened ? known.sighting.opening : "legacy" };
}
