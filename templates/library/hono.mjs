// The same with Hono. As root:
//   tailscale serve  --bg --https=8443 unix:/run/notes/private.sock
//   tailscale funnel --bg --https=443  unix:/run/notes/public.sock
import { createAdaptorServer } from "@hono/node-server";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { Hono } from "hono";
import { exposure } from "tsmcp";

const directory = process.env.NOTES_DIRECTORY ?? "/run/notes"; // 0750, so that nobody else opens the sockets
const socket = process.env.TSMCP_SOCKET; // tailscaled's, where it is not the system's
const tailnet = exposure({ socket, capability: "example.com/cap/mcp", name: "notes" });

function createNotes(caller) {
  const server = new McpServer({ name: "notes", version: "1.0.0" });
  server.registerTool("whoami", { description: "Tells who calls." }, () => ({
    content: [{ type: "text", text: caller.login ?? caller.node }],
  }));
  return server;
}

function listen(listener) {
  const app = new Hono();
  app.all("*", async (context) => {
    // Node's own request: it tells a unix socket from a port, and counts its headers one by one.
    const seen = await tailnet.see(context.env.incoming, listener);
    if (seen.view === "public") return seen.response(context.req.raw);
    const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await seen.filter(createNotes(seen.caller)).connect(transport);
    return transport.handleRequest(context.req.raw);
  });
  createAdaptorServer(app).listen(`${directory}/${listener}.sock`);
}

listen("private");
listen("public");
