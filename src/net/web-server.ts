import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import { createSecureContext, createServer as createTls, type SecureContext, type TLSSocket } from "node:tls";

export type Http2Request = Http2ServerRequest;
export type Http2Answer = Http2ServerResponse;

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
  onHttp2(request: Http2Request, response: Http2Answer): void;
  /** Takes a connection that speaks HTTP/1. */
  onHttp1(socket: TLSSocket): void;
}

/** A server of TLS with HTTP/2 and HTTP/1.1 by ALPN, for one connection that somebody else accepts. */
export interface WebServer {
  accept(socket: Socket): void;
  close(): void;
}

export function createWebServer(handlers: WebHandlers, limits: WebLimits): WebServer {
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
    (request, response) => handlers.onHttp2(request, response),
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
  let accepted: Socket | undefined;
  const tls = createTls({
    ALPNProtocols: ["h2", "http/1.1"],
    SNICallback: (servername, answer) => {
      const context = contextOf(servername);
      if (context !== undefined) return answer(null, context);
      // Node would hang up without a word.
      accepted?.write(internalError);
      answer(new Error(`no certificate for ${JSON.stringify(servername)}`));
    },
  });
  tls.on("tlsClientError", (_error, socket) => socket.destroy());
  tls.on("secureConnection", (socket) => {
    socket.on("error", () => {}).once("close", () => sessions.delete(socket));
    sessions.add(socket);
    if (socket.alpnProtocol === "h2") http2.emit("connection", socket);
    else handlers.onHttp1(socket);
  });
  return {
    accept(socket) {
      accepted = socket;
      tls.emit("connection", socket);
    },
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** A record of TLS 1.2's version with one fatal alert, `internal_error`: RFC 8446 § 5.1, § 6. */
const internalError = Buffer.from([21, 3, 3, 0, 2, 2, 80]);
