import { randomUUID } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";

/**
 * The smallest legacy MCP server that is one, so that the server is not what is measured: `fast-server.ts PORT FILE`. The
 * tool "work" writes its argument `mark` to FILE before it answers, and answers with `bytes` bytes, as an event of a stream
 * where it is told so.
 */
const [port = "0", file = "/dev/null"] = process.argv.slice(2);
const marks = openSync(file, "a");
const sessions = new Set<string>();

const server = createServer((request, response) => {
  const session = String(request.headers["mcp-session-id"] ?? "");
  if (request.method === "GET") return void response.writeHead(405).end();
  if (request.method === "DELETE") {
    sessions.delete(session);
    return void response.writeHead(200).end();
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
    if (method === "initialize") {
      const made = randomUUID();
      sessions.add(made);
      response.setHeader("mcp-session-id", made);
      return answer(response, id, opening);
    }
    if (!sessions.has(session)) return void response.writeHead(404).end();
    if (id === undefined) return void response.writeHead(202).end();
    if (method === "tools/list") return answer(response, id, { tools });
    const { mark, bytes = 0, isStream = false } = params?.arguments ?? {};
    if (mark !== undefined) writeSync(marks, `${mark}\n`);
    const result = { content: [{ type: "text", text: "x".repeat(bytes) }] };
    if (isStream) stream(response, id, result);
    else answer(response, id, result);
  });
});
// The bench may be killed, and must not leave this behind.
process.stdin.resume().on("close", () => process.exit());
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));

const tools = [
  {
    name: "work",
    inputSchema: { type: "object", properties: { mark: {}, bytes: {}, filler: {}, isStream: {} } },
  },
];
const opening = {
  protocolVersion: "2025-06-18",
  capabilities: { tools: {} },
  serverInfo: { name: "fast", version: "1" },
};

function answer(response: ServerResponse, id: unknown, result: unknown): void {
  const text = JSON.stringify({ jsonrpc: "2.0", id, result });
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
}

function stream(response: ServerResponse, id: unknown, result: unknown): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
}
