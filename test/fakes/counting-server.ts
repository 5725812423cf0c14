import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { listen } from "./listening.ts";

export interface CountingServer extends AsyncDisposable {
  readonly port: number;
  /** The argument `mark` of each call, as often as it was executed. */
  readonly executed: readonly unknown[];
  /** Sessions that were opened and not ended. */
  readonly sessions: number;
  /** Forgets every session. */
  expire(): void;
  /** Lets calls run and gives no answer. */
  hold(): void;
  /** Breaks every connection and listens no more; what it knew of sessions is gone. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
}

/**
 * A legacy MCP server with sessions and a stream of its own messages, that counts what it executes. Its port is to be one
 * that nobody is given by chance, because it is let go and taken again.
 */
export async function startCountingServer(port: number): Promise<CountingServer> {
  const executed: unknown[] = [];
  const sessions = new Set<string>();
  let isHolding = false;
  let http: Server | undefined;

  const answer = (request: IncomingMessage, response: ServerResponse, text: string): unknown => {
    const { id, method, params } =
      text === "" ? { id: undefined, method: undefined, params: undefined } : JSON.parse(text);
    const session = String(request.headers["mcp-session-id"] ?? "");
    const result = (value: object): unknown =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ jsonrpc: "2.0", id, result: value }));
    if (method === "initialize") {
      const made = randomUUID();
      sessions.add(made);
      response.setHeader("mcp-session-id", made);
      return result({
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "counting", version: "1" },
      });
    }
    if (!sessions.has(session)) return response.writeHead(404).end();
    if (request.method === "DELETE") {
      sessions.delete(session);
      return response.writeHead(200).end();
    }
    if (request.method === "GET") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      return response.write(": here\n\n");
    }
    if (id === undefined) return response.writeHead(202).end();
    if (method !== "tools/call") return result(method === "tools/list" ? { tools: [] } : {});
    executed.push(params.arguments.mark);
    return isHolding || result({ content: [{ type: "text", text: String(params.arguments.mark) }] });
  };
  const start = async (): Promise<void> => {
    http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => answer(request, response, Buffer.concat(chunks).toString()));
    });
    await listen(http, port);
  };
  const stop = async (): Promise<void> => {
    sessions.clear();
    isHolding = false;
    const closed = new Promise((done) => http?.close(done));
    http?.closeAllConnections();
    await closed;
  };
  await start();
  return {
    port,
    executed,
    get sessions() {
      return sessions.size;
    },
    expire: () => sessions.clear(),
    hold() {
      isHolding = true;
    },
    stop,
    start,
    [Symbol.asyncDispose]: stop,
  };
}
