import { createInterface } from "node:readline";

/** The smallest MCP server over stdio, so that the server is not what is measured. Plain JavaScript: peers start many. */
const answer = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
const tools = [{ name: "echo", inputSchema: { type: "object", properties: { text: { type: "string" } } } }];

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    const serverInfo = { name: "echo", version: "1" };
    answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo });
  } else if (method === "tools/list") answer(id, { tools });
  else answer(id, { content: [{ type: "text", text: String((params?.arguments?.text ?? "").length) }] });
});
