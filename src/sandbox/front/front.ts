import type { Readable } from "node:stream";
import { type Backend, type BackendPlace, type BackendWatcher, createBackend } from "../../net/backend.ts";
import type { Socket } from "../../net/tcp-server.ts";
import { createWebServer, type ServerCertificate, type WebServer } from "../../net/web-server.ts";
import { servedOn, type Tailnet } from "../tailnet.ts";
import { type Answering, answer, errorHeaders, type Forwarded, forward } from "./forward.ts";
import { serveHttp1 } from "./http1/connection.ts";
import { refused } from "./http1/head.ts";
import { markRulesOf, type Origin } from "./marks.ts";
import { type ReadRequest, readHttp1, readHttp2 } from "./read-request.ts";
import { backendHeaders, type ClientRequest } from "./request-headers.ts";
import { backendTarget, stripMount, type Target } from "./request-target.ts";
import { findMount, type Mount } from "./serve-config.ts";
import { type BackendTarget, parseServeTarget } from "./serve-target.ts";

/** What goes between the fronts and the servers behind them. */
export type ServerEvent =
  /** A request goes out to a server. */
  | { readonly kind: "asked"; readonly connection: number }
  /** Bytes come from it. */
  | { readonly kind: "said"; readonly connection: number; readonly bytes: Buffer };

/** What answers on the server's ports: Serve for the tailnet, Funnel for the internet. */
export interface Front {
  /** Tells what goes on behind it, until the returned function is called. */
  watch(listener: (event: ServerEvent) => void): () => void;
  accept(socket: Socket, arrival: { readonly port: number; readonly origin: Origin }): void;
  close(): void;
}

/** As Go's net/http and golang.org/x/net/http2 have them. */
const limits = {
  maxHeaderBytes: (1 << 20) + 4096,
  maxStreams: 250,
  streamWindowBytes: 1 << 20,
  connectionWindowBytes: 1 << 20,
  maxFrameBytes: 1 << 20,
};

/** Go keeps two idle connections to a host. Source: Go `net/http` DefaultMaxIdleConnsPerHost. */
const maxIdle = 2;

const notFound = "404 page not found\n";

export function createFront(
  tailnet: Tailnet,
  certificateOf: (servername: string) => ServerCertificate | undefined,
): Front {
  const rules = markRulesOf(tailnet.version);
  const backends = new Map<string, Backend>();
  const servers = new Set<WebServer>();
  const listeners = new Set<(event: ServerEvent) => void>();
  const watcher = watcherOf((event) => {
    for (const listener of listeners) listener(event);
  });
  // One pool for each target as it is written, whoever asks: Funnel and Serve share connections.
  const backendOf = (target: string, place: BackendPlace): Backend => {
    const backend = backends.get(target) ?? createBackend(place, { maxIdle, watcher });
    backends.set(target, backend);
    return backend;
  };

  const planFor = (request: ClientRequest, target: Target, arrival: Arrival): Plan | undefined => {
    const served = servedOn(tailnet, arrival.port);
    const mount = served && findMount(served, target.path);
    const stripped = mount && stripMount(target, mount.path);
    if (mount === undefined || stripped === undefined) return undefined;
    const backend = parseServeTarget(mount.target);
    return { mount, request, stripped, backend };
  };

  const forwardedOf = ({ mount, request, stripped, backend }: Plan, { origin }: Arrival): Forwarded => ({
    backend: backendOf(mount.target, backend.place),
    method: request.method,
    target: backendTarget(stripped, backend.path),
    headers: backendHeaders(request, {
      origin,
      rules,
      acceptAppCaps: mount.acceptAppCaps,
      isUnixSocket: backend.place.kind === "unix",
    }),
    clientHeaders: request.headers,
    hasBody: request.body.kind !== "none",
  });

  const take = (
    { request, target }: Extract<ReadRequest, { kind: "request" }>,
    { body, answering, arrival }: { readonly body: Readable; readonly answering: Answering; readonly arrival: Arrival },
  ): void => {
    const isForServer = target.path === "*" && request.method === "OPTIONS";
    const plan = isForServer ? undefined : planFor(request, target, arrival);
    // Nobody else reads it, and the next request comes behind it.
    if (plan === undefined) body.resume();
    if (isForServer) answer(answering, 200, [["Content-Length", "0"]]);
    else if (plan === undefined) answer(answering, 404, errorHeaders(notFound), notFound);
    else forward(body, answering, forwardedOf(plan, arrival));
  };

  return {
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    accept(socket, arrival) {
      // One for each connection, as in tailscaled: no session is resumed on another one.
      const server = createWebServer(
        {
          certificateOf,
          onHttp2(incoming, answering) {
            const read = readHttp2(incoming);
            if (read.kind === "refused") return incoming.stream.close(protocolError);
            take(read, { body: incoming, answering, arrival });
          },
          onHttp1(secured) {
            const { maxHeaderBytes } = limits;
            serveHttp1(secured, {
              maxHeaderBytes,
              take(head, body, answering) {
                const read = readHttp1(head);
                if (read.kind === "refused") return refused(`400 Bad Request${read.reason}`);
                take(read, { body, answering, arrival });
                return undefined;
              },
            }).catch(() => secured.destroy());
          },
        },
        limits,
      );
      servers.add(server);
      socket.once("close", () => servers.delete(server));
      server.accept(socket);
    },
    close() {
      for (const server of servers) server.close();
      for (const backend of backends.values()) backend.close();
    },
  };
}

function watcherOf(tell: (event: ServerEvent) => void): BackendWatcher {
  const numbers = new WeakMap<object, number>();
  let last = 0;
  const numberOf = (connection: object): number => {
    const number = numbers.get(connection) ?? ++last;
    numbers.set(connection, number);
    return number;
  };
  return {
    onRequest: (connection) => tell({ kind: "asked", connection: numberOf(connection) }),
    onBytes: (connection, bytes) => tell({ kind: "said", connection: numberOf(connection), bytes }),
  };
}

interface Arrival {
  readonly port: number;
  readonly origin: Origin;
}

interface Plan {
  readonly mount: Mount;
  readonly request: ClientRequest;
  readonly stripped: Target;
  readonly backend: BackendTarget;
}

/** Go resets the stream of what it refuses in HTTP/2: RFC 9113 § 7. */
const protocolError = 1;
