// The same with Express, and without root: two ports of loopback, the private one behind a path that only Serve knows.
//   tailscale serve  --bg --https=8443 http://127.0.0.1:8480$NOTES_SECRET_PATH
//   tailscale funnel --bg --https=443  http://127.0.0.1:8481
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { exposure } from "tsmcp";

const secretPath = process.env.NOTES_SECRET_PATH; // "/" and what `openssl rand -hex 16` says
const socket = process.env.TSMCP_SOCKET; // tailscaled's, where it is not the system's
const tailnet = exposure({ socket, capability: "example.com/cap/mcp", name: "notes", secretPath });

function createNotes(caller) {
  const server = new McpServer({ name: "notes", version: "1.0.0" });
  server.registerTool("whoami", { description: "Tells who calls." }, () => ({
    content: [{ type: "text", text: caller.login ?? caller.node }],
  }));
  return server;
}

// Before every other middleware: a body parser would take the body away.
const gate = (listener) => async (request, response, next) => {
  request.seen = await tailnet.see(request, listener);
  if (request.seen.view === "public") request.seen.answer(request, response);
  else next();
};

const inside = express();
inside.use(gate("private"));
inside.all(`${secretPath}/mcp`, async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on("close", () => transport.close());
  await request.seen.filter(createNotes(request.seen.caller)).connect(transport);
  await transport.handleRequest(request, response);
});
inside.listen(Number(process.env.NOTES_PRIVATE_PORT ?? 8480), "127.0.0.1");

const outside = express();
outside.use(gate("public"));
outside.listen(Number(process.env.NOTES_PUBLIC_PORT ?? 8481), "127.0.0.1");
