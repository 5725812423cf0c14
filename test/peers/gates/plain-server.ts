import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { listen } from "../../fakes/listening.ts";
import type { GateServer } from "./mcp-server.ts";

/** What a home-made gate may look at before it decides. */
export interface Seen {
  readonly request: IncomingMessage;
  /** The body as it came. */
  readonly raw: Buffer;
  /** The path as it came. */
  readonly target: string;
}

export interface PlainOptions {
  readonly path: string;
  readonly tools: readonly string[];
  /** Whether this request may see the tools. */
  readonly trusts: (seen: Seen) => boolean;
  /** Which targets lead to the server, where it is not the path alone. */
  readonly serves?: (target: string) => boolean;
  /** Whether keys mean the same in capitals, as some decoders have it. */
  readonly foldsKeys?: boolean;
  /** What a stranger gets for other methods than those of tools. */
  readonly others?: Readonly<Record<string, object>>;
  readonly onUpgrade?: (server: Server, tools: readonly string[]) => void;
}

type Message = Readonly<Record<string, unknown>>;

/** A home-made MCP server that takes whatever it can make sense of: any method of HTTP, encoding and content type. */
export async function startPlainGate(options: PlainOptions): Promise<GateServer> {
  const { path, tools, trusts, serves = (target) => target === path } = options;
  const calls: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const raw = await buffer(request);
    const target = request.url ?? "/";
    if (!serves(target.replace(/\?.*$/, ""))) return void response.writeHead(404).end();
    if (request.method === "DELETE" || raw.length === 0) return void response.writeHead(405).end();
    const value = decode(raw, request);
    if (value === undefined) return void response.writeHead(400).end();
    const trusted = trusts({ request, raw, target });
    const reply = (message: Message): object | undefined => replyTo(message, { ...options, trusted, calls });
    const messages = (Array.isArray(value) ? value : [value]).map((message) =>
      options.foldsKeys === true ? withSmallKeys(message) : message,
    );
    const replies = messages.flatMap((message) => reply(message) ?? []);
    send(response, Array.isArray(value) ? replies : replies[0], request);
  };
  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  // A connection that goes on in another protocol is no longer the server's to close.
  const sockets = new Set<Socket>();
  http.on("connection", (socket) => sockets.add(socket));
  options.onUpgrade?.(http, tools);
  const port = await listen(http);
  return {
    port,
    tools,
    calls,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => http.close(done));
    },
  };
}

/** Returns the message's method as JSON.parse reads it, the first one's in a batch. */
export function methodOf(raw: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(raw.toString("utf8"));
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return typeof first === "object" && first !== null ? Reflect.get(first, "method") : undefined;
  } catch {
    return undefined;
  }
}

function decode(raw: Buffer, request: IncomingMessage): Message | readonly Message[] | undefined {
  const bytes = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = bytes.toString(isWide ? "utf16le" : "utf8").replace(/^\ufeff/, "");
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withSmallKeys(message: Message): Message {
  return Object.fromEntries(Object.entries(message).map(([key, value]) => [key.toLowerCase(), value]));
}

export function replyTo(
  { id, method, params }: Message,
  {
    trusted,
    tools,
    calls,
    others = {},
  }: Pick<PlainOptions, "tools" | "others"> & { readonly trusted: boolean; readonly calls: string[] },
): object | undefined {
  if (id === undefined) return undefined;
  const result = (value: object): object => ({ jsonrpc: "2.0", id, result: value });
  if (method === "initialize") {
    const serverInfo = { name: "plain", version: "1.0.0" };
    return result({ protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo });
  }
  if (method === "ping") return result({});
  if (method === "tools/list") {
    return result({ tools: trusted ? tools.map((name) => ({ name, inputSchema: { type: "object" } })) : [] });
  }
  const other = others[String(method)];
  if (other !== undefined) return result(other);
  if (method === "tools/call" && trusted && typeof params === "object" && params !== null) {
    const name = String(Reflect.get(params, "name"));
    if (!tools.includes(name)) return { jsonrpc: "2.0", id, error: { code: -32602, message: `no tool ${name}` } };
    calls.push(name);
    return result({ content: [] });
  }
  return { jsonrpc: "2.0", id, error: { code: -32601, message: "method not found" } };
}

function send(response: ServerResponse, value: unknown, { headers }: IncomingMessage): void {
  if (value === undefined) return void response.writeHead(202).end();
  if (headers.accept === "text/event-stream") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(`event: message\ndata: ${JSON.stringify(value)}\n\n`);
    return;
  }
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
