import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { listen } from "../../fakes/listening.ts";
import { type Gate, type GateServer, mcpServer, startGate } from "./mcp-server.ts";

/** A gated server with the transport of 2024-11-05 (the official SDK's) at /sse, which nobody thought of any more. */
export async function startOldTransport(options: {
  readonly gate: Gate;
  readonly path: string;
  readonly tools: readonly string[];
}): Promise<GateServer> {
  const { tools } = options;
  const gated = await startGate({ ...options, flavour: "stateless" });
  const streams = new Map<string, SSEServerTransport>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "GET" && url.pathname === "/sse") {
      const transport = new SSEServerTransport("/messages", response);
      streams.set(transport.sessionId, transport);
      // The SDK's own types disagree under exactOptionalPropertyTypes.
      await mcpServer(tools, []).connect(Object.assign(transport, { onclose: () => {}, onerror: () => {} }));
      return;
    }
    const stream = streams.get(url.searchParams.get("sessionId") ?? "");
    if (url.pathname === "/messages" && stream !== undefined) return stream.handlePostMessage(request, response);
    gated.handle(request, response);
  };
  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const port = await listen(http);
  return {
    ...gated,
    port,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
      await gated[Symbol.asyncDispose]();
    },
  };
}
