import type { Agent } from "node:http";
import { Duplex } from "node:stream";
import { type Header, type HttpRequest, type HttpResponse, headerOf, maxHeaderBytes, toError } from "./http-message.ts";
import { createKeepAlive, type KeepAlive } from "./keep-alive.ts";
import { createTurns, type Turns } from "./turns.ts";

/** Where a request goes out: on one connection, used once, or through a pool. */
export type Http1Route = { readonly socket: Duplex } | { readonly pool: Http1Pool };

export interface Http1Pool {
  readonly agents: { readonly pooled: Agent; readonly single: Agent };
  readonly keepAlive: KeepAlive;
  /** For requests that may take long; `brief` for those that do not, so that a stalled one holds up none of them. */
  readonly turns: { readonly long: Turns; readonly brief: Turns };
  /** Closes the connections that wait for a request: when one was dead, the others of its age may be too. */
  dropIdle(): void;
  close(): void;
}

/**
 * Returns a keep-alive pool of at most `maxConnections` (two or more), a quarter of them for brief requests; they come
 * from `open`, and more requests wait. The agent's own limit does not hold: it forgets connections that are being made.
 * Where the server closes each connection after its answer, each request gets one of its own.
 */
export async function createHttp1Pool(options: {
  maxConnections: number;
  open: () => Promise<Duplex>;
  /** How long a connection may wait for its next request; by default as the server's ways allow. */
  longestIdleMs?: number;
}): Promise<Http1Pool> {
  const { Agent } = await import("node:http");
  const agentWith = (keepAlive: boolean): Agent => {
    const agent = new Agent({ keepAlive, maxSockets: options.maxConnections, scheduling: "lifo" });
    agent.createConnection = (_options, callback) => {
      options.open().then(
        (socket) => callback?.(null, socket),
        // The second argument is not looked at when there is an error, but the type wants one.
        (error: unknown) => callback?.(error instanceof Error ? error : new Error(String(error)), new Duplex()),
      );
      return undefined;
    };
    return agent;
  };
  const agents = { pooled: agentWith(true), single: agentWith(false) };
  const keepAlive = createKeepAlive();
  agents.pooled.on("free", (socket: Duplex) => {
    const closed = keepAlive.freed();
    socket.once("close", closed);
    const ageing = setTimeout(() => retire(socket), options.longestIdleMs ?? keepAlive.longestIdleMs()).unref();
    watches.set(socket, () => {
      clearTimeout(ageing);
      socket.off("close", closed);
    });
  });
  const brief = Math.ceil(options.maxConnections / 4);
  const turns = { long: createTurns(options.maxConnections - brief), brief: createTurns(brief) };
  return {
    agents,
    keepAlive,
    turns,
    dropIdle() {
      for (const socket of Object.values(agents.pooled.freeSockets).flat()) {
        if (socket !== undefined) retire(socket);
      }
    },
    close() {
      agents.pooled.destroy();
      agents.single.destroy();
    },
  };
}

/** What we close ourselves says nothing of the server. */
function retire(socket: Duplex): void {
  endWatch(socket);
  socket.destroy();
}

/** What ends the watch over a connection that waits for a request. */
const watches = new WeakMap<Duplex, () => void>();

function endWatch(socket: Duplex): void {
  watches.get(socket)?.();
}

/** Returns the answer's head as soon as it is there. Rejects with Node's error when the connection breaks before. */
export async function requestHttp1(request: HttpRequest, route: Http1Route): Promise<HttpResponse> {
  const turns = "pool" in route ? route.pool.turns : undefined;
  const endTurn = await (request.isBrief === true ? turns?.brief : turns?.long)?.take(request.signal);
  try {
    const agent = "pool" in route ? await agentOf(route.pool) : undefined;
    if (request.signal?.aborted) throw request.signal.reason;
    return await send(request, route, { agent, onClose: () => endTurn?.() });
  } catch (error) {
    endTurn?.();
    throw error;
  }
}

async function agentOf({ agents, keepAlive }: Http1Pool): Promise<Agent> {
  return (await keepAlive.isKept()) ? agents.pooled : agents.single;
}

async function send(
  request: HttpRequest,
  route: Http1Route,
  { agent, onClose }: { agent: Agent | undefined; onClose: () => void },
): Promise<HttpResponse> {
  const { request: nodeRequest } = await import("node:http");
  const keepAlive = "pool" in route ? route.pool.keepAlive : undefined;
  return new Promise((resolve, reject) => {
    const outgoing = nodeRequest({
      ...("socket" in route ? { createConnection: () => route.socket } : { agent }),
      method: request.method,
      path: request.target,
      headers: rawHeaders(request),
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
    });
    const { signal } = request;
    const onAbort = (): void => void outgoing.destroy(toError(signal?.reason));
    signal?.addEventListener("abort", onAbort, { once: true });
    outgoing.once("socket", (socket) => endWatch(socket));
    // Stays attached for good: an abort after the answer is told here too.
    outgoing.on("error", (error) => {
      if (outgoing.reusedSocket && !signal?.aborted) keepAlive?.reused("broken");
      reject(error);
    });
    // After the answer's end, or whatever broke it; a moment later the connection is free for the next.
    outgoing.once("close", () => {
      signal?.removeEventListener("abort", onAbort);
      setImmediate(onClose);
    });
    outgoing.once("response", (incoming) => {
      incoming.on("error", () => {});
      if (outgoing.reusedSocket) keepAlive?.reused("answered");
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
