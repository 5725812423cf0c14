import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { listen } from "../fakes/listening.ts";

/** One call of the tool "evil", and the wire it came on. */
export interface EvilCall {
  readonly id: unknown;
  readonly socket: Socket;
  readonly response: ServerResponse;
  /** How often the tool was called on this server, this call included. */
  readonly times: number;
}

export interface HostileServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** What was asked, by its JSON-RPC method, or its HTTP method without one. */
  readonly asked: readonly string[];
}

/** A server that is in order but for the tool "evil", whose calls `trick` answers; "good" answers as it should. */
export async function startHostileServer(trick: (call: EvilCall) => void): Promise<HostileServer> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let times = 0;
  const onMessage = (request: IncomingMessage, response: ServerResponse, body: Message): unknown => {
    asked.push(body.method ?? request.method ?? "");
    if (request.url !== "/mcp") return response.writeHead(307, { location: "/mcp" }).end();
    if (request.method === "DELETE") return response.writeHead(200).end();
    if (request.method === "GET") return response.writeHead(405).end();
    if (body.id === undefined) return response.writeHead(202).end();
    if (body.method === "initialize")
      return answer(response, body.id, opening, { "mcp-session-id": `s${asked.length}` });
    if (body.params?.name !== "evil") return answer(response, body.id, { content: [{ type: "text", text: "good" }] });
    times += 1;
    return trick({ id: body.id, socket: request.socket, response, times });
  };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => onMessage(request, response, parse(Buffer.concat(chunks).toString())));
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  const port = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly name?: unknown };
}

const opening = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "hostile", version: "1" },
};

function answer(response: ServerResponse, id: unknown, result: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
}

function parse(text: string): Message {
  return text === "" ? {} : (JSON.parse(text) as Message);
}
