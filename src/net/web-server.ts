import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import { createSecureContext, createServer as createTls, type SecureContext } from "node:tls";

export type WebRequest = IncomingMessage | Http2ServerRequest;
export type WebResponse = ServerResponse | Http2ServerResponse;

export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Limits as Go's net/http has them, for servers that stand for one written in Go. */
export interface WebLimits {
  readonly maxHeaderBytes: number;
  readonly maxStreams: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxFrameBytes: number;
}

export interface WebHandlers {
  /** By the name that the client asked for; undefined ends the handshake. */
  certificateOf(servername: string): ServerCertificate | undefined;
  onRequest(request: WebRequest, response: WebResponse): void;
  /** Returns the whole answer to what is no HTTP; `code` is Node's, such as `HPE_HEADER_OVERFLOW`. */
  unreadable(code: string | undefined): string;
  /** HTTP/1.1 with `Connection: Upgrade`, or CONNECT: what follows the head is on the socket. */
  onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

/** A server of TLS with HTTP/2 and HTTP/1.1 by ALPN, for connections that somebody else accepts. */
export interface WebServer {
  accept(socket: Socket): void;
  close(): void;
}

/** Go sets none of Node's time limits, and counts no header lines. */
const noTimeouts = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };

export function createWebServer(handlers: WebHandlers, limits: WebLimits): WebServer {
  const onRequest = (request: WebRequest, response: WebResponse): void => handlers.onRequest(request, response);
  const http1 = createHttp1({
    ...noTimeouts,
    maxHeaderSize: limits.maxHeaderBytes,
    requireHostHeader: false,
    noDelay: true,
  });
  http1.maxHeadersCount = 0;
  http1.on("request", onRequest);
  http1.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable) socket.end(handlers.unreadable(error.code));
    else socket.destroy();
  });
  http1.on("upgrade", (request, socket, head) => handlers.onUpgrade(request, asSocket(socket), head));
  http1.on("connect", (request, socket, head) => handlers.onUpgrade(request, asSocket(socket), head));
  const http2 = createHttp2(
    {
      settings: {
        maxConcurrentStreams: limits.maxStreams,
        initialWindowSize: limits.streamWindowBytes,
        maxFrameSize: limits.maxFrameBytes,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
      maxHeaderListPairs: limits.maxHeaderBytes,
      // In megabytes; what many streams buffer must not end the connection.
      maxSessionMemory: 1_000,
    },
    onRequest,
  );
  const sessions = new Set<{ destroy(): void }>();
  http2.on("session", (session) => {
    session.setLocalWindowSize(limits.connectionWindowBytes);
    session.on("error", () => {}).once("close", () => sessions.delete(session));
    sessions.add(session);
  });
  const contexts = new Map<string, SecureContext>();
  const contextOf = (servername: string): SecureContext | undefined => {
    const found = handlers.certificateOf(servername);
    if (found === undefined) return undefined;
    const context = contexts.get(found.certificate) ?? createSecureContext({ cert: found.certificate, key: found.key });
    contexts.set(found.certificate, context);
    return context;
  };
  const tls = createTls({
    ALPNProtocols: ["h2", "http/1.1"],
    SNICallback: (servername, answer) => {
      const context = contextOf(servername);
      if (context === undefined) answer(new Error(`no certificate for ${JSON.stringify(servername)}`));
      else answer(null, context);
    },
  });
  tls.on("tlsClientError", (_error, socket) => socket.destroy());
  tls.on("secureConnection", (socket) => {
    socket.on("error", () => {}).once("close", () => sessions.delete(socket));
    sessions.add(socket);
    (socket.alpnProtocol === "h2" ? http2 : http1).emit("connection", socket);
  });
  return {
    accept: (socket) => void tls.emit("connection", socket),
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** Node types it as any duplex, since anybody may hand in one; ours are sockets. */
function asSocket(stream: unknown): Socket {
  if (isSocket(stream)) return stream;
  throw new TypeError("an upgrade came over something that is no socket");
}

function isSocket(stream: unknown): stream is Socket {
  return typeof stream === "object" && stream !== null && "destroySoon" in stream;
}
