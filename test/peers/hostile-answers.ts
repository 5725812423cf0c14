import type { ServerResponse } from "node:http";
import { flood } from "./flood.ts";
import type { EvilCall } from "./hostile-server.ts";

/** What a server does to one call, and what the agent may be told. */
export interface HostileAnswer {
  readonly name: string;
  readonly does: (call: EvilCall) => void;
  readonly ends: "error" | "result" | "either";
  /** The most calls of this one that may reach the server. */
  readonly calls?: number;
  /** Where the usual limit is too short for what is right. */
  readonly callTimeoutMs?: number;
}

const resultOf = (id: unknown): string => JSON.stringify({ jsonrpc: "2.0", id, result: { content: [] } });
const note = JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x" } });
const head = (type: string, more = ""): string => `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}`;
const stream = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { "content-type": "text/event-stream" });
const json = (response: ServerResponse, text: string | Buffer, headers: Record<string, string> = {}): unknown =>
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(text);

const floodWith =
  (type: string, first: string, piece: string) =>
  ({ response }: EvilCall): void => {
    response.writeHead(200, { "content-type": type }).write(first);
    flood(response, piece);
  };

export const hostileAnswers: readonly HostileAnswer[] = [
  { name: "never answers", does: () => {}, ends: "error", calls: 1 },
  { name: "breaks off in its head", does: ({ socket }) => socket.end("HTTP/1.1 200 OK\r\nContent-Ty"), ends: "error" },
  { name: "stops in its head", does: ({ socket }) => socket.write("HTTP/1.1 200 OK\r\nContent-Ty"), ends: "error" },
  {
    name: "breaks off in its body",
    does: ({ socket }) => socket.end(`${head("application/json", "content-length: 1000\r\n")}\r\n{"jsonrpc"`),
    ends: "error",
    calls: 1,
  },
  {
    name: "sends its body byte by byte, for ever",
    does: ({ response }) => {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), 20);
      response.on("error", () => {}).on("close", () => clearInterval(timer));
    },
    ends: "error",
  },
  { name: "resets the connection", does: ({ socket }) => socket.resetAndDestroy(), ends: "error", calls: 1 },
  {
    name: "speaks something else than HTTP",
    does: ({ socket }) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"),
    ends: "error",
  },
  { name: "sends random bytes", does: ({ socket }) => socket.end(Buffer.alloc(5_000, 0xf7)), ends: "error" },
  {
    name: "sends a chunk of no size",
    does: ({ socket }) =>
      socket.end(`${head("application/json", "transfer-encoding: chunked\r\n")}\r\nzz\r\n{}\r\n0\r\n\r\n`),
    ends: "error",
  },
  {
    name: "says to go on, for ever",
    does: ({ socket }) => flood(socket, "HTTP/1.1 100 Continue\r\n\r\n"),
    ends: "error",
  },
  {
    name: "sends a header of a megabyte",
    does: ({ socket }) => socket.end(`${head("application/json", `x: ${"y".repeat(1_000_000)}\r\n`)}\r\n{}`),
    ends: "error",
  },
  {
    name: "sends a header without end",
    does: ({ socket }) => {
      socket.write(head("application/json"));
      flood(socket, "x: y\r\n");
    },
    ends: "error",
  },
  { name: "answers nothing at all (204)", does: ({ response }) => response.writeHead(204).end(), ends: "error" },
  {
    name: "takes the request and says nothing (202)",
    does: ({ response }) => response.writeHead(202).end(),
    ends: "error",
  },
  {
    name: "answers a page",
    does: ({ response }) => json(response, "<html>", { "content-type": "text/html" }),
    ends: "error",
  },
  { name: "has no content type", does: ({ id, response }) => response.writeHead(200).end(resultOf(id)), ends: "error" },
  { name: "answers text that is not JSON", does: ({ response }) => json(response, "<html>"), ends: "error" },
  { name: "answers an empty JSON text", does: ({ response }) => json(response, ""), ends: "error" },
  {
    name: "answers bytes that are not UTF-8",
    does: ({ response }) => json(response, Buffer.from([0x22, 0xff, 0x22])),
    ends: "error",
  },
  { name: "answers JSON that is no message", does: ({ response }) => json(response, '{"a":1}'), ends: "error" },
  { name: "answers another request", does: ({ response }) => json(response, resultOf("another")), ends: "error" },
  { name: "nests its answer 100,000 deep", does: ({ response }) => json(response, "[".repeat(100_000)), ends: "error" },
  {
    name: "nests its result 5,000 deep",
    does: ({ id, response }) => json(response, resultOf(id).replace("[]", `${"[".repeat(5_000)}${"]".repeat(5_000)}`)),
    ends: "either",
  },
  {
    name: "says that plain text is compressed",
    does: ({ id, response }) => json(response, resultOf(id), { "content-encoding": "gzip" }),
    ends: "either",
  },
  {
    name: "answers more than is allowed",
    does: ({ id, response }) => json(response, resultOf(id).replace("[]", `["${"x".repeat(4_000_000)}"]`)),
    ends: "error",
    calls: 1,
  },
  { name: "answers JSON without end", does: floodWith("application/json", '{"a":"', "x"), ends: "error", calls: 1 },
  { name: "fails", does: ({ response }) => response.writeHead(500).end("no"), ends: "error" },
  { name: "wants credentials", does: ({ response }) => response.writeHead(401).end(), ends: "error" },
  { name: "lets nobody in", does: ({ response }) => response.writeHead(403).end(), ends: "error" },
  {
    name: "redirects in a circle",
    does: ({ response }) => response.writeHead(307, { location: "/mcp" }).end(),
    ends: "error",
    calls: 10,
  },
  {
    name: "redirects to another host",
    does: ({ response }) => response.writeHead(307, { location: "http://198.51.100.1:9/mcp" }).end(),
    ends: "error",
    calls: 1,
  },
  {
    name: "knows no session, ever (404)",
    does: ({ response }) => response.writeHead(404).end("no"),
    ends: "error",
    calls: 2,
  },
  {
    name: "knows no session, ever (400)",
    does: ({ response }) => refuseSession(response),
    ends: "error",
    calls: 2,
  },
  {
    name: "forgot its session once (400)",
    does: ({ id, response, times }) => (times === 1 ? refuseSession(response) : json(response, resultOf(id))),
    ends: "result",
    calls: 2,
  },
  { name: "opens a stream and says nothing", does: ({ response }) => stream(response).flushHeaders(), ends: "error" },
  {
    name: "ends its stream without an answer",
    does: ({ response }) => stream(response).end(`data: ${note}\n\n`),
    ends: "error",
  },
  { name: "sends an event without end", does: floodWith("text/event-stream", "data: ", "x"), ends: "error" },
  { name: "sends a field without end", does: floodWith("text/event-stream", "id: ", "x"), ends: "error" },
  { name: "sends an event of endless lines", does: floodWith("text/event-stream", "", "data: x\n"), ends: "error" },
  { name: "sends comments for ever", does: floodWith("text/event-stream", "", ": still here\n\n"), ends: "error" },
  {
    name: "sends 100,000 notifications at once, then the answer",
    does: ({ id, response }) => stream(response).end(`${`data: ${note}\n\n`.repeat(100_000)}data: ${resultOf(id)}\n\n`),
    ends: "result",
    calls: 1,
    callTimeoutMs: 20_000,
  },
  {
    name: "sends garbage in its stream, then the answer",
    does: ({ id, response }) => stream(response).end(`\u0000\ndata\ndata: {]\n\nevent: x\n\ndata: ${resultOf(id)}\n\n`),
    ends: "result",
  },
  {
    name: "answers twice",
    does: ({ id, response }) => stream(response).end(`data: ${resultOf(id)}\n\n`.repeat(2)),
    ends: "result",
  },
  {
    name: "answers, and keeps its stream open",
    does: ({ id, response }) => void stream(response).write(`data: ${resultOf(id)}\n\n`),
    ends: "result",
  },
  {
    name: "offers to resume a stream that it does not resume",
    does: ({ response }) => stream(response).end("retry: 1\nid: 1\ndata:\n\n"),
    ends: "error",
    calls: 1,
  },
];

function refuseSession(response: ServerResponse): void {
  response.writeHead(400, { "content-type": "application/json" });
  response.end(
    JSON.stringify({ jsonrpc: "2.0", error: { code: -32000, message: "Bad Request: No valid session ID" }, id: null }),
  );
}
