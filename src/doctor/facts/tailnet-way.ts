import { isLoopback } from "../../config/server.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { isPublicAddress } from "../../net/address.ts";
import { dial, type Socket } from "../../net/dial.ts";
import { dialError } from "../../net/dial-error.ts";
import { describeProxy, type ProxyEndpoint } from "../../net/proxy.ts";
import { findTailnetProxy, type TailnetProxy } from "../../tailscale/tailnet-proxy.ts";
import { isAuthorized } from "../authorized.ts";
import type { MachineContext, TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import type { Route } from "../probe/route.ts";
import { sharedLine } from "../probe/shared-line.ts";
import { endOf } from "../target.ts";
import { isKnownName } from "./neighbours.ts";

/** How this machine gets to the tailnet: by a proxy and who named it, or straight. */
export interface TailnetWay {
  readonly proxy: ProxyEndpoint | undefined;
  readonly origin: TailnetProxy["origin"] | "loopback";
}

export const dialTimeoutMs = 8_000;

/** The way to servers in general, in the order of CONTRACT "Agent entry". Throws `usage-invalid` for a bad variable. */
export const tailnetWay = observation(
  async (context: MachineContext): Promise<TailnetWay> => wayTo(context, undefined),
);

/** The way to one server: one on this machine needs no proxy, and NO_PROXY may exempt others. */
export const targetWay = observation(async ({ machine, target }: TargetContext): Promise<TailnetWay> => {
  const url = new URL(target.server.tailnetUrls[0]);
  return isLoopback(url.hostname) ? { proxy: undefined, origin: "loopback" } : wayTo(machine, url);
});

/** The way to the first server that needs a proxy, else to servers in general. */
export const machineWay = observation(async (context: MachineContext): Promise<TailnetWay> => {
  const ways = await Promise.all(context.targets.map(targetWay));
  return ways.find(({ proxy }) => proxy !== undefined) ?? ways[0] ?? tailnetWay(context);
});

function wayTo({ world }: MachineContext, url: URL | undefined): Promise<TailnetWay> {
  // The name stands for any server that no NO_PROXY names.
  const end = url === undefined ? { host: "node.tailnet.ts.net", port: 8443 } : endOf(url);
  const target = { ...end, tls: url?.protocol !== "http:" };
  return findTailnetProxy({ target, env: world.env, joining: world.proxy });
}

/** Returns the way to one URL of the server's tailnet side. Throws `dial-failed` where `--header` must not go. */
export async function tailnetRoute(context: TargetContext, url: URL): Promise<Route> {
  const { proxy } = await targetWay(context);
  const open = async (signal: AbortSignal): Promise<Socket> => {
    await refuseHeaders(context, { url, proxy });
    return onTailnet(await dial(endOf(url), proxy, { timeoutMs: dialTimeoutMs, signal }), { url, proxy });
  };
  return {
    side: "tailnet",
    url,
    open,
    shared: sharedLine(context, { side: "tailnet", url, dial: () => open(context.machine.signal) }),
    ca: context.machine.world.ca,
    headers: context.machine.request.headers,
    curl: proxy === undefined ? ["--noproxy '*'"] : [`-x ${shellQuote(describeProxy(proxy))}`],
  };
}

/**
 * A proxy may be anybody's, and lead a `*.ts.net` name to Funnel. What the user gives for the tailnet side goes there only
 * where this node's own tailnet has the name, or the user vouches for it.
 */
async function refuseHeaders(
  { machine, target }: TargetContext,
  { url, proxy }: { url: URL; proxy: ProxyEndpoint | undefined },
): Promise<void> {
  if (machine.request.headers.length === 0 || proxy === undefined) return;
  if (isAuthorized({ machine, target }, url.hostname) || (await isKnownName(machine, url.hostname))) return;
  const reason = `nothing shows that it is on this tailnet, so --header does not go there (--authorized ${url.hostname} says that it may)`;
  throw dialError({ layer: "name", reason, target: url.host });
}

/**
 * Off the tailnet, public DNS leads a `*.ts.net` name to a Funnel relay: whatever answers there, it is not the tailnet
 * side, and must not get what is meant for it.
 */
function onTailnet(socket: Socket, { url, proxy }: { url: URL; proxy: ProxyEndpoint | undefined }): Socket {
  const { remoteAddress } = socket;
  if (proxy !== undefined || !url.hostname.endsWith(".ts.net")) return socket;
  if (remoteAddress === undefined || !isPublicAddress(remoteAddress)) return socket;
  socket.destroy();
  const reason = `the name leads to the public address ${remoteAddress}, so this machine is not on the tailnet`;
  throw dialError({ layer: "name", reason, target: url.host });
}
