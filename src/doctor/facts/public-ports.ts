import { applyConnectTo } from "../connect-to.ts";
import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Opening, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { endOf } from "../target.ts";
import { publicRoute, publicWay } from "./public-way.ts";

/** The ports that Funnel has. Source: https://tailscale.com/kb/1223/funnel */
const funnelPorts = [443, 8443, 10_000] as const;

/** What the internet finds at one more port of the server. */
export interface PublicPort {
  readonly port: number;
  readonly looks: readonly { readonly route: Route; readonly sighting: Sighting }[];
}

export type PublicPorts =
  | { readonly kind: "looked"; readonly ports: readonly PublicPort[] }
  | { readonly kind: "unknown"; readonly reason: string };

const openings: readonly Opening[] = ["legacy", "none", "modern"];

/** Looks at the other ports of the public side, by its address; where that was typed, by what was typed for them. */
export const publicPorts = observation(async (context: TargetContext): Promise<PublicPorts> => {
  const way = await publicWay(context);
  const [first] = context.target.server.publicUrls ?? [];
  if (way.kind === "nameless") return { kind: "looked", ports: [] };
  if (way.kind !== "open" || first === undefined) return { kind: "unknown", reason: "the public address is not known" };
  const publicUrl = new URL(first);
  const { port: usual, host } = endOf(publicUrl);
  const { pathname } = new URL(context.target.server.tailnetUrls[0]);
  const ports = funnelPorts.filter((port) => port !== usual);
  const looks = await Promise.all(
    ports.map(async (port): Promise<PublicPort | undefined> => {
      const typed = applyConnectTo(context.machine.request.connectTo, { host, port });
      if (way.typed && typed === undefined) return undefined;
      const end = typed === undefined ? { address: way.address, port } : { address: typed.address, port: typed.port };
      const url = new URL(pathname, `${publicUrl.protocol}//${publicUrl.hostname}:${port}`);
      const route = publicRoute(context, { ...way, ...end }, url);
      return { port, looks: await lookAt(context, route) };
    }),
  );
  const seen = looks.filter((one) => one !== undefined);
  if (seen.length === 0) return { kind: "unknown", reason: `--connect-to names no address for ${ports.join(" and ")}` };
  return { kind: "looked", ports: seen };
});

async function lookAt(context: TargetContext, route: Route): Promise<PublicPort["looks"]> {
  const { traffic, machine } = context;
  const caller = createCaller({ route, disguise: plainly, traffic, signal: machine.signal });
  const first = { route, sighting: await look(caller, "legacy") };
  if (first.sighting.kind === "unreachable" || first.sighting.kind === "held") return [first];
  const rest = openings.slice(1).map(async (opening) => ({ route, sighting: await look(caller, opening) }));
  return [first, ...(await Promise.all(rest))];
}
