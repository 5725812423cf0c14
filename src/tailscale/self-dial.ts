import { TsmcpError } from "../core/errors.ts";
import { dial } from "../net/dial.ts";
import { listenerUids } from "../net/listening.ts";
import type { ListenAddress } from "./daemon-arguments.ts";
import type { NodeStatus } from "./status.ts";

/** A dial to the node itself leaves neither the process nor the machine; only one without a free core needs longer than some ms. */
const selfDialLimitMs = 5_000;

/**
 * Returns whether the proxy carries connections of this very node: it dials the node's own tailnet address, where
 * tailscaled's peer API listens. An open port would prove nothing: the proxy listens before the login, and somebody
 * else's program may have the port. Nor does an answer, which costs nobody a tailnet: the proxy has to be this user's or
 * root's, as far as the system tells whose it is.
 */
export async function proxyReaches(request: {
  readonly proxy: ListenAddress;
  readonly status: NodeStatus;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const target = selfAddress(request.status);
  if (request.status.backendState !== "Running" || target === undefined) return false;
  if (!isTrusted(request.proxy)) return false;
  try {
    const socket = await dial(
      target,
      { protocol: "http", host: request.proxy.host, port: request.proxy.port },
      { timeoutMs: selfDialLimitMs, signal: request.signal },
    );
    socket.destroy();
    return true;
  } catch (error) {
    request.signal.throwIfAborted();
    if (error instanceof TsmcpError) return false;
    throw error;
  }
}

function isTrusted(proxy: ListenAddress): boolean {
  return listenerUids(proxy).every((uid) => uid === 0 || uid === process.getuid?.());
}

/** Returns where the node's peer API listens on its own tailnet address. */
export function selfAddress(status: NodeStatus): { host: string; port: number } | undefined {
  const text = status.self?.peerApiUrls[0];
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) };
}
