import { readRecord } from "../core/record.ts";
import { isLoopbackAddress } from "../net/address.ts";
import type { DialRoute } from "../net/dial.ts";
import { isListening, ownerUidOfPort } from "../net/listening.ts";
import { type ProxyEndpoint, type ProxyTarget, parseProxyUrl, proxyFromEnvironment } from "../net/proxy.ts";

/**
 * Returns the way to `target` as things are now: `--proxy`, what `up` recorded for this boot, `TSMCP_PROXY`, the
 * environment's proxy, a tailnet proxy of this user or root on 127.0.0.1:1055, none. Asked again for every dial, because
 * `up` may come later, and may move. Throws `usage-invalid` when the one that counts is malformed.
 */
export async function findRoute(request: {
  readonly target: ProxyTarget;
  readonly proxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For tests: where else the usual proxy is. */
  readonly usualPort?: number;
}): Promise<DialRoute> {
  const { target, proxy, env, usualPort = 1055 } = request;
  if (proxy === "none") return undefined;
  if (proxy !== undefined) return parseProxyUrl(proxy, "--proxy");
  if (isThisMachine(target.host)) return undefined;
  const recorded = readRecord({ env })?.proxy;
  if (recorded !== undefined) return { protocol: "http", ...recorded };
  if (env.TSMCP_PROXY) return env.TSMCP_PROXY === "none" ? undefined : parseProxyUrl(env.TSMCP_PROXY, "TSMCP_PROXY");
  return proxyFromEnvironment(env, target) ?? (await usualProxyOfOurs(usualPort));
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host);
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
