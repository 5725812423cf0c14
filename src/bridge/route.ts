import { isLoopbackAddress } from "../net/address.ts";
import type { DialRoute } from "../net/dial.ts";
import { type ProxyTarget, parseProxyUrl } from "../net/proxy.ts";
import { findTailnetProxy } from "../tailscale/tailnet-proxy.ts";

/**
 * Returns the way to `target` as things are now: `--proxy`, straight to this machine, else the tailnet's proxy. Asked
 * again for every dial, because `up` may come later, and may move. Throws `usage-invalid` when the one that counts is
 * malformed.
 */
export async function findRoute(request: {
  readonly target: ProxyTarget;
  readonly proxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For tests: where else the usual proxy is. */
  readonly usualPort?: number;
}): Promise<DialRoute> {
  const { target, proxy, env, usualPort } = request;
  if (proxy === "none") return undefined;
  if (proxy !== undefined) return parseProxyUrl(proxy, "--proxy");
  if (isThisMachine(target.host)) return undefined;
  return (await findTailnetProxy({ target, env, usualPort })).proxy;
}

/** True for names and addresses that never leave this machine. */
export function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host);
}
