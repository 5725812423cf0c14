import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import type { Server, Socket } from "node:net";
import { certificate, privateKey } from "./certificate.ts";
import { listen } from "./listening.ts";

type Json = Record<string, unknown>;

/** One request as the server saw it. */
export interface Seen {
  readonly httpMethod: string;
  readonly path: string;
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Json;
}

/** What a script may do with one request. */
export interface Reply {
  json(result: Json, headers?: Record<string, string>): void;
  status(code: number, body?: Json): void;
  text(code: number, text: string, headers?: Record<string, string>): void;
  /** Opens an event stream and returns what writes to it. */
  stream(headers?: Record<string, string>): {
    write(text: string): void;
    event(message: Json): void;
    end(): void;
    cut(): void;
  };
}

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly seen: readonly Seen[];
  readonly connections: number;
  /** Resolves with the first request that fits, past or to come. */
  saw(fits: (seen: Seen) => boolean): Promise<Seen>;
}

/** A server that does what `script` says, over plain HTTP/1.1 or TLS with HTTP/2. */
export async function startScriptedServer(
  script: (seen: Seen, reply: Reply) => void,
  kind: "http" | "https" = "http",
  wantedPort?: number,
): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const watchers: { fits: (seen: Seen) => boolean; found: (seen: Seen) => void }[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", () => {});
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const one: Seen = {
        httpMethod: request.method ?? "",
        path: request.url ?? "",
        httpVersion: request.httpVersion,
        headers: { ...request.headers },
        body: text === "" ? {} : (JSON.parse(text) as Json),
      };
      seen.push(one);
      for (const { fits, found } of watchers) if (fits(one)) found(one);
      script(one, replyOn(response, one));
    });
  };
  const server: Server =
    kind === "http"
      ? createServer(onRequest)
      : createSecureServer({ key: privateKey, cert: certificate, allowHTTP1: true }, (request, response) =>
          Reflect.apply(onRequest, undefined, [request, response]),
        );
  server.on(kind === "http" ? "connection" : "secureConnection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  const port = await listen(server, wantedPort);
  return {
    port,
    url: `${kind}://${kind === "http" ? "127.0.0.1" : "localhost"}:${port}/mcp`,
    seen,
    get connections() {
      return connections;
    },
    saw(fits) {
      const found = seen.find(fits);
      return found === undefined
        ? new Promise((resolve) => watchers.push({ fits, found: resolve }))
        : Promise.resolve(found);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The parts of a legacy server that most scripts want: initialize with a session, initialized, DELETE, no GET. */
export function answerRoutine(seen: Seen, reply: Reply, sessionId = "session-1"): boolean {
  const { httpMethod, body } = seen;
  if (httpMethod === "GET") reply.status(405);
  else if (httpMethod === "DELETE") reply.status(200);
  else if (body.method === "initialize") {
    reply.json(
      { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "scripted", version: "1" } },
      { "mcp-session-id": sessionId },
    );
  } else if (body.id === undefined) reply.status(202);
  else return false;
  return true;
}

function replyOn(response: ServerResponse, { body, httpMethod }: Seen): Reply {
  return {
    json(result, headers = {}) {
      response.writeHead(200, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, result }));
    },
    status(code, answer) {
      response.writeHead(code, answer === undefined ? {} : { "content-type": "application/json" });
      response.end(answer === undefined || httpMethod === "HEAD" ? undefined : JSON.stringify(answer));
    },
    text(code, text, headers = { "content-type": "text/plain; charset=utf-8" }) {
      response.writeHead(code, headers);
      response.end(text);
    },
    stream(headers = {}) {
      response.writeHead(200, { "content-type": "text/event-stream", ...headers });
      return {
        write: (text) => void response.write(text),
        event: (message) => void response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`),
        end: () => void response.end(),
        cut: () => void response.destroy(),
      };
    },
  };
}
