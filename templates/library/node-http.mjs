// Your own MCP server in two views: what grants allow for the tailnet, nothing for the internet. As root:
//   tailscale serve  --bg --https=8443 unix:/run/notes/private.sock
//   tailscale funnel --bg --https=443  unix:/run/notes/public.sock
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
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
  const server = createServer(async (request, response) => {
    const seen = await tailnet.see(request, listener);
    if (seen.view === "public") return seen.answer(request, response);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on("close", () => transport.close());
    await seen.filter(createNotes(seen.caller)).connect(transport);
    return transport.handleRequest(request, response);
  });
  server.listen(`${directory}/${listener}.sock`);
}

listen("private");
listen("public");
