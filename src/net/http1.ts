import type { Agent } from "node:http";
import { Duplex } from "node:stream";
import { type Header, type HttpRequest, type HttpResponse, headerOf, maxHeaderBytes } from "./http-message.ts";

/** Where a request goes out: on one connection, used once, or through a pool. */
export type Http1Route = { readonly socket: Duplex } | { readonly pool: Http1Pool };

export interface Http1Pool {
  readonly agent: Agent;
  close(): void;
}

/** Returns a keep-alive pool of at most `maxConnections`, which come from `open`; more requests wait for a free one. */
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
  return { agent, close: () => agent.destroy() };
}

/** Returns the answer's head as soon as it is there. Rejects with Node's error when the connection breaks before. */
export async function requestHttp1(request: HttpRequest, route: Http1Route): Promise<HttpResponse> {
  const { request: nodeRequest } = await import("node:http");
  return new Promise((resolve, reject) => {
    const outgoing = nodeRequest({
      ...("socket" in route ? { createConnection: () => route.socket } : { agent: route.pool.agent }),
      method: request.method,
      path: request.target,
      headers: rawHeaders(request),
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    // Stays attached for good: an abort after the answer is told here too.
    outgoing.on("error", reject);
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
