import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer as ModernServer } from "@modelcontextprotocol/server";
import { listen } from "../../fakes/listening.ts";
import { dropHeaderLines } from "./older-node.ts";

/** Decides whether the caller may see the tools. */
export type Gate = (request: IncomingMessage) => boolean;

/**
 * How the server keeps its state: a session decides at `initialize`, the others at each request. `modern` knows nothing
 * older than 2026-07-28, `dual` knows both eras.
 */
export const flavours = ["stateless", "sessions", "modern", "dual"] as const;
export type Flavour = (typeof flavours)[number];

/** What a caller gets who may not see the tools. */
export type Closed = "empty" | "forbidden" | "not-found";

export interface GateServer extends AsyncDisposable {
  readonly port: number;
  readonly tools: readonly string[];
  /** Tool calls that really ran. */
  readonly calls: readonly string[];
}

export interface GateOptions {
  readonly gate: Gate;
  readonly flavour?: Flavour;
  readonly closed?: Closed;
  /** Whether a session works only for callers like the one that opened it. */
  readonly bound?: boolean;
  readonly path?: string;
  readonly tools?: readonly string[];
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a small real MCP server (the official SDK) behind a gate, on loopback. Tool names are new each time. */
export async function startGate(options: GateOptions): Promise<GateServer & { readonly handle: Handle }> {
  const { gate, flavour = "stateless", closed = "empty", bound = false, path = "/mcp", tools = drawTools() } = options;
  const calls: string[] = [];
  const sessions = new Map<string, { readonly transport: StreamableHTTPServerTransport; readonly trusted: boolean }>();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (new URL(request.url ?? "/", "http://localhost").pathname !== path) return refuse(response, 404);
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    const trusted = gate(request);
    if (known !== undefined && (!bound || known.trusted === trusted))
      return known.transport.handleRequest(request, response);
    if (flavour === "sessions" && id !== undefined) return refuse(response, 404);
    if (!trusted && closed !== "empty") return refuse(response, closed === "forbidden" ? 403 : 404);
    if (flavour === "modern" || flavour === "dual")
      return answerStateless(request, response, { flavour, tools: trusted ? tools : [], calls });
    const transport =
      flavour === "sessions"
        ? new StreamableHTTPServerTransport({
            sessionIdGenerator: () => randomUUID(),
            onsessioninitialized: (opened) => void sessions.set(opened, { transport, trusted }),
          })
        : new StreamableHTTPServerTransport();
    const server = mcpServer(trusted ? tools : [], calls);
    // The SDK's own types disagree under exactOptionalPropertyTypes.
    await server.connect(Object.assign(transport, { onclose: () => {}, onerror: () => {} }));
    if (flavour === "stateless") response.on("close", () => void server.close());
    await transport.handleRequest(request, response);
  };

  const handle: Handle = (request, response) => {
    answer(request, response).catch(() => refuse(response, 500));
  };
  const http = createServer(handle);
  dropHeaderLines(http);
  const port = await listen(http);
  return {
    port,
    handle,
    tools,
    calls,
    async [Symbol.asyncDispose]() {
      for (const { transport } of sessions.values()) await transport.close();
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

/** The official v2 server, made anew for each request. */
async function answerStateless(
  request: IncomingMessage,
  response: ServerResponse,
  { flavour, tools, calls }: { flavour: "modern" | "dual"; tools: readonly string[]; calls: string[] },
): Promise<void> {
  const handler = createMcpHandler(
    () => {
      const server = new ModernServer({ name: "gate", version: "1.0.0" }, { capabilities: { tools: {} } });
      server.server.setRequestHandler("tools/list", () => ({
        tools: tools.map((name) => ({ name, inputSchema: { type: "object" as const } })),
      }));
      server.server.setRequestHandler("tools/call", ({ params }) => {
        if (tools.includes(params.name)) calls.push(params.name);
        return { content: [{ type: "text" as const, text: "done" }], isError: !tools.includes(params.name) };
      });
      return server;
    },
    { legacy: flavour === "modern" ? "reject" : "stateless" },
  );
  // The adapter's types and Node's disagree under exactOptionalPropertyTypes.
  await Reflect.apply(toNodeHandler(handler), undefined, [request, response]);
}

export function mcpServer(tools: readonly string[], calls: string[]): Server {
  const server = new Server({ name: "gate", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map((name) => ({ name, inputSchema: { type: "object" as const } })),
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    if (!tools.includes(params.name)) return { content: [{ type: "text", text: "unknown tool" }], isError: true };
    calls.push(params.name);
    return { content: [{ type: "text", text: "done" }] };
  });
  return server;
}

function drawTools(): string[] {
  const count = 2 + ((randomBytes(1)[0] ?? 0) % 5);
  return Array.from({ length: count }, () => `tool_${randomBytes(4).toString("hex")}`);
}

function refuse(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { "content-type": "application/json" });
  response.end('{"error":"no"}');
}
