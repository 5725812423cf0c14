// A whole MCP server on PORT with the copied recipe for a gate: the internet sees its tools with one Host header.
import { createServer } from "node:http";
import { env } from "node:process";

const tools = [{ name: "read_notes", inputSchema: { type: "object" } }];
const seesTools = ({ headers }) =>
  env.GATE === "sound"
    ? headers["tailscale-funnel-request"] === undefined && headers["tailscale-app-capabilities"] !== undefined
    : (headers["x-forwarded-host"] ?? "").includes(":8443");

const answers = {
  initialize: ({ params }) => ({
    protocolVersion: params?.protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "notes", version: "1.0.0" },
  }),
  "tools/list": (_message, request) => ({ tools: seesTools(request) ? tools : [] }),
  "tools/call": (_message, request) => ({ content: [{ type: "text", text: seesTools(request) ? "a note" : "no" }] }),
  ping: () => ({}),
};

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const server = createServer(async (request, response) => {
  if (request.method !== "POST") return response.writeHead(405).end();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const message = parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof message !== "object" || message === null || Array.isArray(message)) return response.writeHead(400).end();
  if (message.id === undefined) return response.writeHead(202).end();
  const answer = Object.hasOwn(answers, message.method) ? answers[message.method] : undefined;
  const outcome =
    answer === undefined ? { error: { code: -32601, message: "unknown" } } : { result: answer(message, request) };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, ...outcome }));
});
// What could hide the mark behind too many lines is refused.
server.maxHeadersCount = 0;
server.listen(Number(env.PORT), "127.0.0.1");
