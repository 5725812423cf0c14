import { chmodSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { maxHeaderBytes } from "./http-message.ts";

/** A unix socket, or an address of this machine (port 0: a free one). */
export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface HttpServerOptions {
  readonly address: ListenAddress;
  readonly headersTimeoutMs: number;
  /** For a whole request with its body. */
  readonly requestTimeoutMs: number;
  /** Connections beyond these are closed at once. */
  readonly maxConnections?: number;
  /** How many may wait to be taken; Node takes all of them before it does anything else. */
  readonly backlog?: number;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface HttpServer {
  /** With the port that was given. */
  readonly address: ListenAddress;
  readonly connections: () => number;
  /** Takes no more connections; what was asked is still answered. */
  stopAccepting(): void;
  /** Takes no more connections, and ends what is open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * Returns a server that hands on every request with every header line it has, and none that it could not read.
 * Upgrades are requests like any other, CONNECT closes the connection.
 * Throws `listen-failed`.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { address, headersTimeoutMs, requestTimeoutMs, maxConnections, backlog, onRequest } = options;
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      // Node looks for overdue requests only this often.
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    },
    onRequest,
  );
  // Node keeps the first 1,000 lines and drops the rest without a word, which takes tailscaled's marks away.
  server.maxHeadersCount = 0;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.on("clientError", answerUnreadable);
  let open = 0;
  server.on("connection", (socket: Socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
    });
  });
  const bound = await listen(server, address, backlog);
  let closed: Promise<void> | undefined;
  const stopAccepting = (): Promise<void> => {
    closed ??= closedServer(server);
    return closed;
  };
  return {
    address: bound,
    connections: () => open,
    stopAccepting: () => void stopAccepting(),
    async close(graceMs) {
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await stopAccepting();
      clearTimeout(timer);
    },
  };
}

/** tailscaled keeps idle connections for 90 s; whoever closes first, a request can cross the close. */
const keepAliveMs = 100_000;

async function listen(server: Server, address: ListenAddress, backlog?: number): Promise<ListenAddress> {
  const waiting = backlog === undefined ? {} : { backlog };
  try {
    if (address.kind === "tcp") {
      const { host, port } = address;
      await listening(server, () => server.listen({ host, port, exclusive: true, ...waiting }));
      const bound = server.address();
      return { kind: "tcp", host, port: typeof bound === "object" && bound !== null ? bound.port : port };
    }
    await removeDeadSocket(address.path);
    await listening(server, () => server.listen({ path: address.path, ...waiting }));
    // Only this user and root may connect: whoever can, can say that he comes through Serve.
    chmodSync(address.path, 0o600);
    return address;
  } catch (error) {
    if (error instanceof TsmcpError) throw error;
    throw listenError(address, error);
  }
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    start();
  });
}

/** A process that was killed leaves its socket's file; one that is alive answers on it. */
async function removeDeadSocket(path: string): Promise<void> {
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error) => resolve(systemCodeOf(error) === "EACCES"));
  });
  if (isAlive) throw listenError({ kind: "unix", path }, new Error("another process listens there"));
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
}

function listenError(address: ListenAddress, error: unknown): TsmcpError {
  return new TsmcpError({
    code: "listen-failed",
    message: `cannot listen on ${addressText(address)}: ${messageOf(error)}`,
    hint: "end what uses this address, or name another one",
    facts: { address: addressText(address) },
    cause: error,
  });
}

/** Returns `unix:PATH` or `HOST:PORT`, as the configuration writes it. */
export function addressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

/** What Node could not read, too large headers among it; Node's own answer to it differs from version to version. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** How long a connection stays that was answered after the end began: Node.js closes only those that are idle then. */
const idleCheckMs = 20;

async function closedServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  server.closeIdleConnections();
  await closed;
  clearInterval(timer);
}
