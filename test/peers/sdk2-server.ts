import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

/** The official SDK's (v2) server over stdio, of both eras: one for each connection. */
serveStdio(() => {
  const server = new McpServer({ name: "v2", version: "1" });
  server.registerTool("pid", { description: "tells its process" }, () => ({
    content: [{ type: "text", text: String(process.pid) }],
  }));
  server.registerTool("progress", { description: "tells how far it is" }, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? 0;
    await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
    return { content: [{ type: "text", text: "done" }] };
  });
  server.registerTool("change", { description: "changes the list of tools" }, () => {
    server.sendToolListChanged();
    return { content: [{ type: "text", text: "changed" }] };
  });
  return server;
});
