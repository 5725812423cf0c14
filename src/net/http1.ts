import type { Agent } from "node:http";
import { Duplex } from "node:stream";
import { type Header, type HttpRequest, type HttpResponse, headerOf, maxHeaderBytes, toError } from "./http-message.ts";
import { createTurns, type Turns } from "./turns.ts";

/** Where a request goes out: on one connection, used once, or through a pool. */
export type Http1Route = { readonly socket: Duplex } | { readonly pool: Http1Pool };

export interface Http1Pool {
  readonly agent: Agent;
  /** For requests that may take long; `brief` for those that do not, so that a stalled one holds up none of them. */
  readonly turns: { readonly long: Turns; readonly brief: Turns };
  /** Closes the connections that wait for a request: when one was dead, the others of its age may be too. */
  dropIdle(): void;
  close(): void;
}

/**
 * Returns a keep-alive pool of at most `maxConnections` (two or more), a quarter of them for brief requests; they come
 * from `open`, and more requests wait. The agent's own limit does not hold: it forgets connections that are being made.
 */
export async function createHttp1Pool(options: {
  maxConnections: number;
  open: () => Promise<Duplex>;
}): Promise<Http1Pool> {
  const { Agent } = await import("node:http");
  const agent = new Agent({ keepAlive: true, maxSockets: options.maxConnections, scheduling: "lifo" });
  agent.createConnection = (_options, callback) => {
    options.open().then(
      (socket) => callback?.(null, socket),
      // The second argument is not looked at when there is an error, but the type wants one.
      (error: unknown) => callback?.(error instanceof Error ? error : new Error(String(error)), new Duplex()),
    );
    return undefined;
  };
  const brief = Math.ceil(options.maxConnections / 4);
  const turns = { long: createTurns(options.maxConnections - brief), brief: createTurns(brief) };
  return {
    agent,
    turns,
    dropIdle() {
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    },
    close: () => agent.destroy(),
  };
}

/** Returns the answer's head as soon as it is there. Rejects with Node's error when the connection breaks before. */
export async function requestHttp1(request: HttpRequest, route: Http1Route): Promise<HttpResponse> {
  const turns = "pool" in route ? route.pool.turns : undefined;
  const endTurn = await (request.isBrief === true ? turns?.brief : turns?.long)?.take(request.signal);
  try {
    return await send(request, route, () => endTurn?.());
  } catch (error) {
    endTurn?.();
    throw error;
  }
}

async function send(request: HttpRequest, route: Http1Route, onClose: () => void): Promise<HttpResponse> {
  const { request: nodeRequest } = await import("node:http");
  return new Promise((resolve, reject) => {
    const outgoing = nodeRequest({
      ...("socket" in route ? { createConnection: () => route.socket } : { agent: route.pool.agent }),
      method: request.method,
      path: request.target,
      headers: rawHeaders(request),
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
    });
    const { signal } = request;
    const onAbort = (): void => void outgoing.destroy(toError(signal?.reason));
    signal?.addEventListener("abort", onAbort, { once: true });
    // Stays attached for good: an abort after the answer is told here too.
    outgoing.on("error", reject);
    // After the answer's end, or whatever broke it; a moment later the connection is free for the next.
    outgoing.once("close", () => {
      signal?.removeEventListener("abort", onAbort);
      setImmediate(onClose);
    });
    outgoing.once("response", (incoming) => {
      incoming.on("error", () => {});
      resolve({
        status: incoming.statusCode ?? 0,
        headers: pairs(incoming.rawHeaders),
        body: incoming,
        protocol: "h1",
      });
    });
    outgoing.end(request.body);
    if (signal?.aborted) onAbort();
  });
}

/** A flat list goes out in this order and spelling, duplicates included. */
function rawHeaders({ authority, headers, body, method }: HttpRequest): string[] {
  const isFramed = headerOf(headers, "content-length") ?? headerOf(headers, "transfer-encoding");
  const needsLength = isFramed === undefined && (body !== undefined || method === "POST");
  const all: Header[] = [["Host", authority], ...headers];
  if (needsLength) all.push(["Content-Length", String(body?.byteLength ?? 0)]);
  return all.flat();
}

function pairs(flat: readonly string[]): Header[] {
  const result: Header[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) result.push([flat[index] ?? "", flat[index + 1] ?? ""]);
  return result;
}
