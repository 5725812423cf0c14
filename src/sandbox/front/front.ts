import { type Backend, type BackendPlace, createBackend } from "../../net/backend.ts";
import type { Socket } from "../../net/tcp-server.ts";
import { createWebServer, type ServerCertificate, type WebRequest, type WebServer } from "../../net/web-server.ts";
import type { Tailnet } from "../tailnet.ts";
import { answer, errorHeaders, forward } from "./forward.ts";
import { markRulesOf, type Origin } from "./marks.ts";
import { readRequest } from "./read-request.ts";
import { backendHeaders, type ClientRequest } from "./request-headers.ts";
import { backendTarget, stripMount, type Target } from "./request-target.ts";
import { findMount, type Mount } from "./serve-config.ts";
import { type BackendTarget, parseServeTarget } from "./serve-target.ts";
import { forwardUpgrade } from "./upgrade.ts";

/** What answers on the server's ports: Serve for the tailnet, Funnel for the internet. */
export interface Front {
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
  // One pool for each target as it is written, whoever asks: Funnel and Serve share connections.
  const backendOf = (target: string, place: BackendPlace): Backend => {
    const backend = backends.get(target) ?? createBackend(place, { maxIdle });
    backends.set(target, backend);
    return backend;
  };

  const planFor = (request: ClientRequest, target: Target, arrival: Arrival): Plan | undefined => {
    const served = tailnet.serve.get(arrival.port);
    const mount = served && findMount(served, target.path);
    const stripped = mount && stripMount(target, mount.path);
    if (mount === undefined || stripped === undefined) return undefined;
    const backend = parseServeTarget(mount.target);
    return { mount, request, stripped, backend };
  };

  const forwardedOf = ({ mount, request, stripped, backend }: Plan, { origin }: Arrival) => ({
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

  return {
    accept(socket, arrival) {
      // One for each connection, as in tailscaled: no session is resumed on another one.
      const server = createWebServer(
        {
          certificateOf,
          onRequest(incoming, outgoing) {
            const read = readRequest(incoming);
            if (read.kind === "refused") return refuse(incoming, read.reason);
            if (read.target.path === "*" && read.request.method === "OPTIONS")
              return answer(outgoing, 200, [["Content-Length", "0"]]);
            const plan = planFor(read.request, read.target, arrival);
            if (plan === undefined) return answer(outgoing, 404, errorHeaders(notFound), notFound);
            forward(incoming, outgoing, forwardedOf(plan, arrival));
          },
          onUpgrade(incoming, client, head) {
            const read = readRequest(incoming);
            const plan = read.kind === "request" ? planFor(read.request, read.target, arrival) : undefined;
            if (plan === undefined) return void client.end(rawError("404 Not Found", notFound));
            forwardUpgrade({ socket: client, head }, forwardedOf(plan, arrival));
          },
          unreadable: (code) =>
            unreadable(code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request"),
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

/** In HTTP/2 Go resets the stream; in HTTP/1.1 it says so and hangs up. */
function refuse(incoming: WebRequest, reason: string): void {
  if ("stream" in incoming) incoming.stream.close(protocolError);
  else incoming.socket.end(unreadable(`400 Bad Request${reason}`));
}

/** RFC 9113 § 7. */
const protocolError = 1;

function unreadable(line: string): string {
  return `HTTP/1.1 ${line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${line}`;
}

function rawError(line: string, text: string): string {
  const headers = errorHeaders(text).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${line}\r\n${headers.join("")}Connection: close\r\n\r\n${text}`;
}
