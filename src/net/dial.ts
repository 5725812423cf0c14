import { connect, type Socket } from "node:net";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { authorityOf, type DialTarget } from "./authority.ts";
import { openConnectTunnel } from "./connect-tunnel.ts";
import { startDeadline } from "./deadline.ts";
import { dialError } from "./dial-error.ts";
import { describeProxy, type ProxyEndpoint } from "./proxy.ts";
import { openSocksTunnel } from "./socks-tunnel.ts";
import { TunnelRefused } from "./tunnel-refused.ts";

export type { Socket } from "node:net";
export type { DialTarget } from "./authority.ts";

/** Another address to connect to in the target's place, as curl's `--connect-to` has it. */
export interface ConnectTo {
  readonly connectTo: { readonly address: string; readonly port: number };
}

/** How to get there: through a proxy, to another address, or (undefined) straight. */
export type DialRoute = ProxyEndpoint | ConnectTo | undefined;

export interface DialOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** Called when the other side has to answer: the moment for work that would only delay what was to be sent. */
  readonly onWaiting?: (() => void) | undefined;
}

/**
 * Returns a TCP stream to `target`, no-delay, with an error listener attached.
 * Throws `dial-failed`, whose facts tell the layer (`proxy`, `name`, `connect`), the reason in the proxy's or system's own words, the target and
 * the proxy; or the reason of `signal`. Leaves no socket behind when it throws.
 */
export async function dial(target: DialTarget, via: DialRoute, options: DialOptions): Promise<Socket> {
  const deadline = startDeadline(options);
  const shown = authorityOf(target);
  const proxy = via === undefined || "connectTo" in via ? undefined : via;
  const proxyName = proxy && describeProxy(proxy);
  let stage: "proxy" | "connect" = proxy === undefined ? "connect" : "proxy";
  let socket: Socket | undefined;
  try {
    const connecting = connectTcp(firstHop(target, via), deadline.signal);
    if (proxy === undefined) options.onWaiting?.();
    socket = await connecting;
    if (proxy === undefined) return socket;
    if (proxy.protocol === "https") {
      const { tlsOver } = await import("./tls.ts");
      const secured = await tlsOver(socket, { servername: proxy.host, alpn: ["http/1.1"], signal: deadline.signal });
      socket = secured.socket;
    }
    stage = "connect";
    const open = proxy.protocol === "http" || proxy.protocol === "https" ? openConnectTunnel : openSocksTunnel;
    const opening = open(socket, { target, proxy, signal: deadline.signal });
    options.onWaiting?.();
    await opening;
    return socket;
  } catch (error) {
    socket?.destroy();
    if (deadline.signal.aborted && !deadline.expired) throw deadline.signal.reason;
    const failure = { target: shown, proxy: proxyName, cause: error };
    if (deadline.expired) {
      throw dialError({ ...failure, layer: stage, reason: `no answer within ${options.timeoutMs} ms` });
    }
    if (error instanceof TunnelRefused) throw dialError({ ...failure, layer: error.layer, reason: error.message });
    if (error instanceof TsmcpError && error.code === "dial-failed") {
      const reason = String(error.facts.reason ?? error.message);
      throw dialError({ ...failure, layer: "proxy", reason, hint: error.hint });
    }
    // What fails while we wait for the proxy's answer is the proxy's own connection, not the server's.
    const layer = proxy === undefined ? (isNameFailure(error) ? "name" : "connect") : "proxy";
    throw dialError({ ...failure, layer, reason: reasonOf(error) });
  } finally {
    deadline.stop();
  }
}

function firstHop(target: DialTarget, via: DialRoute): DialTarget {
  if (via === undefined) return target;
  return "connectTo" in via ? { host: via.connectTo.address, port: via.connectTo.port } : via;
}

function connectTcp({ host, port }: DialTarget, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    // Stays attached for good: an error that arrives while nobody listens would end the process.
    socket.on("error", reject);
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      resolve(socket);
    });
    socket.once("close", () => signal.removeEventListener("abort", onAbort));
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function isNameFailure(error: unknown): boolean {
  return ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA"].includes(systemCodeOf(error) ?? "");
}

/** Node's AggregateError (several addresses tried) has a code and an empty message. */
function reasonOf(error: unknown): string {
  return messageOf(error) || (systemCodeOf(error) ?? "unknown");
}
