import { isPublicAddress } from "../../net/address.ts";
import { isAuthorized } from "../authorized.ts";
import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { endOf } from "../target.ts";
import { isKnownName } from "./neighbours.ts";
import { tailnetView } from "./tailnet-view.ts";
import { targetWay } from "./tailnet-way.ts";

/** Whether the user has shown that the server is theirs to attack. */
export type Control = { readonly kind: "shown" } | { readonly kind: "missing"; readonly reason: string };

/**
 * Control is shown when the public name is the tailnet side's and that side answers from inside a tailnet, or when
 * the user typed the host. A name that answers on 8443 to the whole internet shows nothing.
 */
export const control = observation(async (context: TargetContext): Promise<Control> => {
  const { server } = context.target;
  const publicUrl = server.publicUrls?.[0];
  if (publicUrl === undefined) return { kind: "missing", reason: "the server has no public side" };
  const publicHost = new URL(publicUrl).hostname;
  if (isAuthorized(context, publicHost)) return { kind: "shown" };
  const tailnetHost = new URL(server.tailnetUrls[0]).hostname;
  if (publicHost !== tailnetHost) {
    return { kind: "missing", reason: `the public side is ${publicHost}, the tailnet side ${tailnetHost}` };
  }
  if (context.machine.request.vantage === "public")
    return { kind: "missing", reason: "the tailnet side was not looked at" };
  const { sighting } = await tailnetView(context);
  if (!sighting.opened) return { kind: "missing", reason: `the tailnet side does not answer (${sighting.reason})` };
  return (await isInTailnet(context, tailnetHost))
    ? { kind: "shown" }
    : { kind: "missing", reason: `${tailnetHost} answers on the tailnet side, but is no name of a tailnet` };
});

/** A plain proxy leads a name of somebody else's tailnet to Funnel: only this node's own tailnet vouches for a name. */
async function isInTailnet(context: TargetContext, host: string): Promise<boolean> {
  const { proxy } = await targetWay(context);
  return proxy === undefined ? answersFromSpecialAddress(context, host) : isKnownName(context.machine, host);
}

/** Dialed straight, only an address of a tailnet, this machine or a private network is no stranger's. */
async function answersFromSpecialAddress(context: TargetContext, host: string): Promise<boolean> {
  const { route } = await tailnetView(context);
  const socket = await route.open(context.machine.signal);
  const address = socket.remoteAddress;
  socket.destroy();
  return (
    address !== undefined && !isPublicAddress(address) && endOf(route.url).host === host.replace(/^\[(.*)\]$/, "$1")
  );
}
