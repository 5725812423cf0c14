import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../../../core/errors.ts";
import { realSignal, type StopSignal } from "../../../core/stop.ts";
import { createEndpoint, type Endpoint } from "../../../mcp/endpoint.ts";
import { isLoopbackAddress, isTailnetAddress } from "../../../net/address.ts";
import { type DialRoute, dial } from "../../../net/dial.ts";
import type { Header } from "../../../net/http-message.ts";
import { openOrigin } from "../../../net/origin.ts";
import { parseProxyUrl, proxyFromEnvironment } from "../../../net/proxy.ts";

/** A server over HTTP, over as few connections as will do. */
export interface HttpConnection {
  readonly endpoint: Endpoint;
  /** Waits a moment for a server that is being started again. Throws `dial-failed`, and what `work` throws. */
  reach<T>(work: () => Promise<T>, signal: StopSignal): Promise<T>;
  /** Undefined until the server was tried. */
  readonly isReachable: boolean | undefined;
  close(): void;
}

export interface HttpConnectionOptions {
  readonly url: URL;
  readonly headers: readonly Header[];
  /** What of them is struck out of what the server says. */
  readonly secrets?: readonly string[] | undefined;
  /** To the tailnet. */
  readonly proxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connectTimeoutMs: number;
}

/** As much as callers may send. */
export const maxAnswerBytes = 32 * 1024 * 1024;

/** Every open stream of a caller takes one, where the server speaks HTTP/1.1. */
const maxHttp1Connections = 8_192;

/** From the first failure on; a server that is down for longer is told at once. */
const patienceMs = 3_000;
const firstWaitMs = 50;
const longestWaitMs = 500;

export function connectUpstream(options: HttpConnectionOptions): HttpConnection {
  const { url, headers, secrets, connectTimeoutMs } = options;
  const tls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const target = { host, port: Number(url.port || (tls ? 443 : 80)), tls };
  const route = routeTo(target, options);
  let downSinceMs: number | undefined;
  let isReachable: boolean | undefined;
  const origin = openOrigin({
    scheme: tls ? "https" : "http",
    authority: url.host,
    dial: () => dial(target, route, { timeoutMs: connectTimeoutMs }),
    ...(tls ? { tls: { servername: host } } : {}),
    handshakeTimeoutMs: connectTimeoutMs,
    maxHttp1Connections,
  });
  const path = `${url.pathname}${url.search}`;
  return {
    endpoint: createEndpoint({ origin, authority: url.host, path, headers, secrets, maxMessageBytes: maxAnswerBytes }),
    get isReachable() {
      return isReachable;
    },
    async reach(work, signal) {
      for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
        try {
          const result = await work();
          downSinceMs = undefined;
          isReachable = true;
          return result;
        } catch (error) {
          // Nothing was sent, so it may go again, whatever it is.
          if (!(error instanceof TsmcpError) || error.code !== "dial-failed") throw error;
          isReachable = false;
          downSinceMs ??= performance.now();
          if (performance.now() - downSinceMs > patienceMs) throw error;
          await delay(waitMs, undefined, { signal: realSignal(signal) });
        }
      }
    },
    close: () => origin.close(),
  };
}

/** The tailnet's names and addresses go through its proxy, where there is one; all others as the environment says. */
function routeTo(
  target: { readonly host: string; readonly port: number; readonly tls: boolean },
  { proxy, env }: HttpConnectionOptions,
): DialRoute {
  if (proxy !== undefined && isOfTailnet(target.host)) return parseProxyUrl(proxy, "proxy");
  return isLocal(target.host) ? undefined : proxyFromEnvironment(env, target);
}

function isLocal(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host);
}

function isOfTailnet(host: string): boolean {
  return host.toLowerCase().replace(/\.$/, "").endsWith(".ts.net") || isTailnetAddress(host);
}
