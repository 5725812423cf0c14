import type { TargetContext } from "../context.ts";
import { addressesOf, neighbours } from "../facts/neighbours.ts";
import type { Route } from "../probe/route.ts";
import { endOf } from "../target.ts";

/** Where a request from inside the tailnet would have gone, and who would have sent it. */
export interface Inside {
  /** The name by which the internet knows the server. */
  readonly host: string;
  /** Its name on the tailnet, mostly the same. */
  readonly tailnetHost: string;
  readonly port: number;
  /** Its path on the tailnet side. */
  readonly path: string;
  /** Its addresses on the tailnet, where this node knows them. */
  readonly serverAddresses: readonly string[];
  /** Addresses that a caller on the tailnet has. */
  readonly callerAddresses: readonly string[];
  /** Somebody who may be on the list. */
  readonly login: string;
  /** Capabilities that a grant may give. */
  readonly capabilities: readonly string[];
}

const strangersLogin = "admin@example.com";
const usualAddresses = ["100.64.0.1", "fd7a:115c:a1e0::1"];

/** Returns what a stranger at `route` would have to know, as far as it is known from here. */
export async function insideOf(context: TargetContext, route: Route): Promise<Inside> {
  const { machine, target } = context;
  const tailnetUrl = new URL(target.server.tailnetUrls[0]);
  const { host: tailnetHost, port } = endOf(tailnetUrl);
  const { host } = endOf(route.url);
  // Who this is, and which addresses the tailnet has, is told to no host but the tailnet's own.
  const isOwn = host === tailnetHost;
  const network = isOwn ? await neighbours(machine) : undefined;
  const serverAddresses = isOwn ? await addressesOf(machine, host) : [];
  const own = network?.nodes[0]?.ips ?? [];
  return {
    host,
    tailnetHost,
    port,
    path: tailnetUrl.pathname,
    serverAddresses,
    callerAddresses: [...own, ...usualAddresses.slice(own.length)],
    login: network?.login ?? strangersLogin,
    capabilities: isOwn ? machine.request.capabilities : [],
  };
}
