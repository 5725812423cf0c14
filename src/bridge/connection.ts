import { TsmcpError } from "../core/errors.ts";
import { createEndpoint, type Endpoint } from "../mcp/endpoint.ts";
import { parseHeaderOption, secretsOfHeaders } from "../mcp/header-option.ts";
import type { Socket } from "../net/dial.ts";
import { type Origin, openOrigin } from "../net/origin.ts";
import { untilKnown } from "./acquaintance.ts";
import { type BridgeIo, type BridgeOptions, defaultConnectTimeoutMs, defaultMaxToAgentBytes } from "./options.ts";
import { dialFor } from "./plain-dial.ts";
import { findRoute } from "./route.ts";

/** The server, over whichever way leads there. */
export interface Connection {
  readonly origin: Origin;
  /** One for each place where the server may be on that host. */
  readonly endpoints: readonly Endpoint[];
  /** Rejects when waiting cannot help: the user has to mend what was typed or configured. */
  readonly hopeless: Promise<never>;
}

/** Two requests of a browser's six are for the stream and the session's end; calls come in bursts. */
const maxHttp1Connections = 16;

/**
 * Returns the connection to `options.urls`, which opens by itself. Throws `usage-invalid` for a URL that is not http or
 * https, for places on different hosts, and for a malformed header, and `secret-invalid` for a secret written out.
 */
export function connectTo(options: BridgeOptions, { env }: BridgeIo): Connection {
  const [first, ...others] = options.urls.map(toUrl);
  if (first === undefined) throw new TsmcpError({ code: "usage-invalid", message: "no URL was given" });
  const headers = (options.headers ?? []).map((text) => parseHeaderOption(text, env));
  const timeoutMs = options.connectTimeoutMs ?? defaultConnectTimeoutMs;
  const tls = first.protocol === "https:";
  const host = first.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(first.port || (tls ? 443 : 80));
  const target = { host, port, tls };
  let giveUp: (error: TsmcpError) => void = () => {};
  const hopeless = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  hopeless.catch(() => {});
  let hasFailed = false;
  const open = async (onWaiting?: () => void): Promise<Socket> => {
    try {
      await options.admit?.();
      const route = await findRoute({ target, proxy: options.proxy, env });
      if (hasFailed && route !== undefined) await untilKnown(host, env);
      const socket = await dialFor(headers, { target, route, options: { timeoutMs, onWaiting } });
      hasFailed = false;
      return socket;
    } catch (error) {
      hasFailed = true;
      if (error instanceof TsmcpError && error.exitCode === 2) giveUp(error);
      throw error;
    }
  };
  const origin = openOrigin({
    scheme: tls ? "https" : "http",
    authority: first.host,
    dial: open,
    ...(tls ? { tls: { servername: host } } : {}),
    handshakeTimeoutMs: timeoutMs,
    maxHttp1Connections,
  });
  const endpoints = [first, ...others].map((url) => {
    if (url.origin !== first.origin) {
      throw new TsmcpError({
        code: "usage-invalid",
        message: `${url.origin} and ${first.origin} are different servers`,
      });
    }
    return createEndpoint({
      origin,
      authority: url.host,
      path: `${url.pathname}${url.search}`,
      headers,
      maxMessageBytes: options.maxMessageBytes ?? defaultMaxToAgentBytes,
      secrets: secretsOfHeaders(options.headers ?? [], env),
    });
  });
  return { origin, endpoints, hopeless };
}

function toUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${JSON.stringify(text)} is not the URL of an MCP server`,
    hint: "write a URL such as https://node.tailnet.ts.net:8443/mcp",
  });
}
