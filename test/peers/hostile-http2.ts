import { constants, createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { certificate, privateKey } from "../fakes/certificate.ts";
import { listen } from "../fakes/listening.ts";

/** What an HTTP/2 server does to one call. */
export interface HostileStream {
  readonly name: string;
  readonly does: (stream: ServerHttp2Stream, session: ServerHttp2Session, cut: () => void) => void;
}

const json = { ":status": 200, "content-type": "application/json" };

export const hostileStreams: readonly HostileStream[] = [
  { name: "resets the stream", does: (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR) },
  { name: "refuses the stream", does: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM) },
  { name: "asks for calm", does: (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM) },
  { name: "says GOAWAY and ends", does: (_stream, session) => session.destroy(undefined, constants.NGHTTP2_NO_ERROR) },
  { name: "says GOAWAY and answers nothing", does: (_stream, session) => session.goaway() },
  { name: "breaks the connection", does: (_stream, _session, cut) => cut() },
  {
    name: "resets in mid-body",
    does: (stream) => {
      stream.respond(json);
      stream.write('{"jsonrpc"', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    },
  },
  {
    name: "answers a head and nothing more",
    does: (stream) => stream.respond(json),
  },
  { name: "never answers", does: () => {} },
];

export interface HostileHttp2Server extends AsyncDisposable {
  readonly url: string;
}

/** As the hostile server, over TLS and HTTP/2. */
export async function startHostileHttp2(does: HostileStream["does"]): Promise<HostileHttp2Server> {
  const server = createSecureServer({ cert: certificate, key: privateKey });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {}).on("close", () => sessions.delete(session));
  });
  const sockets = new Set<Socket>();
  server.on("secureConnection", (socket) => sockets.add(socket));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const body = parse(Buffer.concat(chunks).toString());
      const { session } = stream;
      if (headers[":method"] !== "POST") return end(stream, headers[":method"] === "GET" ? 405 : 200);
      if (body.id === undefined) return end(stream, 202);
      if (body.params?.name === "evil" && session !== undefined) {
        return does(stream, session as ServerHttp2Session, cut);
      }
      stream.respond({ ...json, "mcp-session-id": "s" });
      stream.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, result: resultFor(body.method) }));
    });
  });
  const port = await listen(server);
  return {
    url: `https://localhost:${port}/mcp`,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}

function end(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ":status": status }, { endStream: true });
}

function resultFor(method: string | undefined): unknown {
  return method === "initialize"
    ? {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "hostile", version: "2" },
      }
    : { content: [{ type: "text", text: "good" }] };
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly name?: unknown };
}

function parse(text: string): Message {
  return text === "" ? {} : (JSON.parse(text) as Message);
}
