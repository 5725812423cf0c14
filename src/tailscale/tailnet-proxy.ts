import { readRecord } from "../core/record.ts";
import { isListening, ownerUidOfPort } from "../net/listening.ts";
import { type ProxyEndpoint, type ProxyTarget, parseProxyUrl, proxyFromEnvironment } from "../net/proxy.ts";

/** How this machine gets to the tailnet: by a proxy and who named it, or straight. */
export interface TailnetProxy {
  readonly proxy: ProxyEndpoint | undefined;
  readonly origin: "up" | "TSMCP_PROXY" | "environment" | "default port" | "none";
}

/**
 * Returns the proxy to `target` as things are now, in the order of CONTRACT "Agent entry": what `up` recorded for this
 * boot, `TSMCP_PROXY` (`none` is an answer), the environment's, a tailnet proxy of this user or root on 127.0.0.1:1055,
 * none. Throws `usage-invalid` when the one that counts is malformed.
 */
export async function findTailnetProxy(request: {
  readonly target: ProxyTarget;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The proxy of a node that is being joined, which is not on record yet. */
  readonly joining?: { readonly host: string; readonly port: number } | undefined;
  /** For tests: where else the usual proxy is. */
  readonly usualPort?: number | undefined;
}): Promise<TailnetProxy> {
  const { target, env, usualPort = 1055 } = request;
  const recorded = request.joining ?? readRecord({ env })?.proxy;
  if (recorded !== undefined) return { proxy: { protocol: "http", ...recorded }, origin: "up" };
  if (env.TSMCP_PROXY === "none") return { proxy: undefined, origin: "none" };
  if (env.TSMCP_PROXY) return { proxy: parseProxyUrl(env.TSMCP_PROXY, "TSMCP_PROXY"), origin: "TSMCP_PROXY" };
  const exported = proxyFromEnvironment(env, target);
  if (exported !== undefined) return { proxy: exported, origin: "environment" };
  const usual = await usualProxyOfOurs(usualPort);
  return usual === undefined ? { proxy: undefined, origin: "none" } : { proxy: usual, origin: "default port" };
}

/**
 * 1055 is where `tsmcp up` and many recipes put tailscaled's proxy. Another user's process on that port would see where we
 * go, so it is not believed.
 */
async function usualProxyOfOurs(port: number): Promise<ProxyEndpoint | undefined> {
  const owner = ownerUidOfPort(port);
  if (owner === undefined || (owner !== 0 && owner !== process.getuid?.())) return undefined;
  const host = "127.0.0.1";
  return (await isListening({ host, port })) ? { protocol: "http", host, port } : undefined;
}
