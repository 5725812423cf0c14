import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

export type { ClientRequest, IncomingMessage } from "node:http";

/** A server of plain HTTP/1.1 on this machine. */
export type BackendPlace =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface BackendRequest {
  readonly method: string;
  readonly target: string;
  /** In the order and spelling in which they go out; nothing is added but what framing needs. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** One backend and the connections kept to it. */
export interface Backend {
  /** Returns a request whose body is still to be written; it emits `response`, `upgrade` or `error`. */
  open(request: BackendRequest): ClientRequest;
  close(): void;
}

/** What goes over a connection to a backend. */
export interface BackendWatcher {
  onRequest(connection: Socket): void;
  onBytes(connection: Socket, bytes: Buffer): void;
}

/**
 * Returns a pool that keeps `maxIdle` connections, and opens as many more as are asked for. What a backend says on a
 * connection after its answer, unasked, ends that connection, as in Go.
 */
export function createBackend(
  place: BackendPlace,
  { maxIdle, watcher }: { readonly maxIdle: number; readonly watcher?: BackendWatcher },
): Backend {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: maxIdle, scheduling: "lifo" });
  const answers = new WeakMap<Socket, IncomingMessage | undefined>();
  const follow = (socket: Socket, outgoing: ClientRequest): void => {
    watcher?.onRequest(socket);
    if (!answers.has(socket)) {
      // Before Node's own listener: with the answer's last piece it is not complete yet, with a further one it is.
      socket.prependListener("data", (bytes: Buffer) => {
        watcher?.onBytes(socket, bytes);
        if (answers.get(socket)?.complete === true) socket.destroy();
      });
    }
    answers.set(socket, undefined);
    outgoing.once("response", (answer) => answers.set(socket, answer));
  };
  const where = place.kind === "unix" ? { socketPath: place.path } : { host: place.host, port: place.port };
  return {
    open({ method, target, headers }) {
      const outgoing = request({ ...where, agent, method, path: target, setHost: false, insecureHTTPParser: false });
      outgoing.once("socket", (socket) => follow(socket, outgoing));
      // Node writes it in capitals.
      outgoing.method = method;
      for (const [name, values] of grouped(headers)) {
        outgoing.setHeader(name, values.length === 1 ? (values[0] ?? "") : values);
      }
      // Node would write one of its own, which Go does not; removing what is not there says so.
      if (!outgoing.hasHeader("connection")) outgoing.removeHeader("connection");
      return outgoing;
    },
    close: () => agent.destroy(),
  };
}

/** Lines of one name stay lines, in their order. */
function grouped(headers: BackendRequest["headers"]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const values = groups.get(name);
    if (values === undefined) groups.set(name, [value]);
    else values.push(value);
  }
  return groups;
}
