import { messageOf, TsmcpError } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { isPublicAddress } from "../net/address.ts";
import { dial } from "../net/dial.ts";
import { resolveByDaemon } from "../tailscale/local-api.ts";
import { type OwnRelay, startOwnRelay } from "../tailscale/own-relay.ts";
import { findTailnetProxy } from "../tailscale/tailnet-proxy.ts";

/** How this machine gets to the tailnet's side of its own node. */
export type OwnReach =
  | { readonly kind: "reached"; readonly relay: OwnRelay | undefined }
  | { readonly kind: "out-of-reach"; readonly reason: string };

interface Way {
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** tailscaled's. */
  readonly socket: string;
}

/** tailscaled hands a connection to its own node on without leaving the machine. */
const dialTimeoutMs = 5_000;

/**
 * Returns the way to `end`: as any client here finds it, else through tailscaled's own socket, by a relay that is the caller's to
 * close. A server without a TUN has often no proxy, and one that does not take the tailnet's DNS no name; neither
 * says anything of what others see.
 */
export async function reachOwnNode(end: { readonly host: string; readonly port: number }, way: Way): Promise<OwnReach> {
  if (!(await isKnownName(end.host, way))) {
    return {
      kind: "out-of-reach",
      reason: `the tailnet does not know ${end.host}; a Service is there once an admin approved it`,
    };
  }
  const reason = await whyOutOfReach(end, way, undefined);
  if (reason === undefined) return { kind: "reached", relay: undefined };
  const relay = await startOwnRelay(end, way);
  const stillOut = await whyOutOfReach(end, way, relay);
  if (stillOut === undefined) return { kind: "reached", relay };
  await relay.close();
  return { kind: "out-of-reach", reason };
}

/** Other resolvers would be asked by a dial; an older tailscaled does not tell, and then the dial does. */
async function isKnownName(host: string, { socket, signal }: Way): Promise<boolean> {
  try {
    return (await resolveByDaemon({ socket, timeoutMs: dialTimeoutMs, signal }, host)).length > 0;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TsmcpError)) throw error;
    return true;
  }
}

async function whyOutOfReach(
  end: { readonly host: string; readonly port: number },
  { env, signal }: Way,
  joining: OwnRelay | undefined,
): Promise<string | undefined> {
  const { proxy } = await findTailnetProxy({ target: { ...end, tls: true }, env, joining });
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
