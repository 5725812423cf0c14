import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { type Caller, createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Opening, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { publicRoute, publicVantage, publicWay } from "./public-way.ts";

/** What an ordinary client on the internet sees, however it opens. */
export type PublicView =
  | { readonly kind: "seen"; readonly looks: readonly PublicLook[] }
  /** Nobody is let in, as far as a machine can tell that is proven to be on the internet. */
  | { readonly kind: "closed"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

export interface PublicLook {
  /** The URL that was asked first. */
  readonly asked: string;
  /** Where redirects on the same host led. */
  readonly route: Route;
  readonly sighting: Sighting;
}

const openings: readonly Opening[] = ["legacy", "none", "modern"];

export const publicView = observation(async (context: TargetContext): Promise<PublicView> => {
  const way = await publicWay(context);
  switch (way.kind) {
    case "unknown":
      return way;
    case "forbidden":
      return { kind: "unknown", reason: `${way.addresses.join(", ")}: not an address of the internet` };
    case "nameless":
      return (await publicVantage(context.machine))
        ? { kind: "closed", reason: `the public resolver ${way.resolver} knows no such name` }
        : { kind: "unknown", reason: "there is no such public name, and the internet cannot be reached from here" };
    case "open":
      return seen(context, await lookEverywhere(context, way), way.typed);
  }
});

async function lookEverywhere(
  context: TargetContext,
  way: Parameters<typeof publicRoute>[1],
): Promise<readonly [PublicLook, ...PublicLook[]]> {
  const { publicUrls } = context.target.server;
  const urls = (publicUrls ?? []).map((url) => new URL(url));
  const callerTo = (url: URL) =>
    createCaller({
      route: publicRoute(context, way, url),
      disguise: plainly,
      traffic: context.traffic,
      signal: context.machine.signal,
    });
  const [firstUrl, ...otherUrls] = urls;
  if (firstUrl === undefined) throw new Error("a public side without a URL");
  // One request first: where nobody answers, five more would say the same.
  const first = callerTo(firstUrl);
  const looked = async (caller: Caller, opening: Opening): Promise<PublicLook> => {
    const sighting = await look(caller, opening);
    return { asked: caller.route.url.href, route: caller.settled, sighting };
  };
  const opened = await looked(first, "legacy");
  if (opened.sighting.kind === "unreachable" || opened.sighting.kind === "held") return [opened];
  const rest = await Promise.all([
    ...openings.slice(1).map((opening) => looked(first, opening)),
    ...otherUrls.flatMap((url) => openings.map((opening) => looked(callerTo(url), opening))),
  ]);
  return [opened, ...rest];
}

async function seen(
  { machine }: TargetContext,
  looks: readonly [PublicLook, ...PublicLook[]],
  typed: boolean,
): Promise<PublicView> {
  const [{ sighting }] = looks;
  if (sighting.kind !== "unreachable") return { kind: "seen", looks };
  if (sighting.layer !== "refused" && sighting.layer !== "closed") {
    return { kind: "unknown", reason: sighting.reason };
  }
  if (typed || (await publicVantage(machine))) return { kind: "closed", reason: sighting.reason };
  return { kind: "unknown", reason: `${sighting.reason}, and the internet cannot be reached from here` };
}
