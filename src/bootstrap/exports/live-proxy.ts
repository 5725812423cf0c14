import { TsmcpError } from "../../core/errors.ts";
import type { ListenAddress } from "../../tailscale/daemon-arguments.ts";
import { parseListenAddress } from "../listen-address.ts";
import { readBootstrapStatus } from "../status.ts";
import type { BootstrapWorld } from "../world.ts";

/**
 * Returns the address of the tailnet's proxy, after a dial through it has reached this very node: an open port could be
 * anybody's, and is open before the node is logged in.
 * Throws `proxy-unreachable` when there is no such proxy.
 */
export async function requireLiveProxy(
  request: { readonly socket: string | undefined },
  world: BootstrapWorld,
): Promise<ListenAddress> {
  const { up, proxy, state } = await readBootstrapStatus(request, world);
  if (up && proxy !== null) return parseListenAddress(proxy, "the proxy");
  throw new TsmcpError({
    code: "proxy-unreachable",
    message: `the tailnet does not answer through ${proxy === null ? "any proxy" : `the proxy ${proxy}`} (${state ?? "no tailscaled answers"})`,
    hint: 'run "tsmcp up" to join the tailnet',
    facts: { proxy, state },
  });
}
