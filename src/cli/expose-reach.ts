import { messageOf, TsmcpError } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { isPublicAddress } from "../net/address.ts";
import { dial } from "../net/dial.ts";
import { findTailnetProxy } from "../tailscale/tailnet-proxy.ts";

/** tailscaled hands a connection to its own node on without leaving the machine. */
const dialTimeoutMs = 5_000;

/**
 * Returns why this machine does not get to the tailnet's side of its own node, undefined where it does. A node without TUN has only its
 * proxy for that, and one that does not take the tailnet's DNS has no name; either says nothing of what others see.
 */
export async function whyOutOfReach(
  end: { readonly host: string; readonly port: number },
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { proxy } = await findTailnetProxy({ target: { ...end, tls: true }, env });
  try {
    const socket = await dial(end, proxy, { timeoutMs: dialTimeoutMs, signal });
    const { remoteAddress } = socket;
    socket.destroy();
    // Without the tailnet's DNS the name leads to a relay of Funnel.
    const isOutside = proxy === undefined && remoteAddress !== undefined && isPublicAddress(remoteAddress);
    return isOutside ? `${end.host} leads to the public address ${remoteAddress} here` : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TsmcpError)) throw error;
    return messageOf(error);
  }
}
