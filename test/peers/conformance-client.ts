import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

/**
 * The client that the conformance suite runs: `conformance-client.ts BRIDGE… URL`, where BRIDGE is the command of a stdio
 * bridge. It is the official SDK's; what is judged is what the bridge makes of it on the wire.
 */
const [command = "", ...args] = process.argv.slice(2);
const {
  MCP_CONFORMANCE_CONTEXT = "{}",
  MCP_CONFORMANCE_PROTOCOL_VERSION = "2025-11-25",
  PATH = "",
  HOME = "",
} = process.env;
const isModern = MCP_CONFORMANCE_PROTOCOL_VERSION > "2025-11-25";
const client = new Client(
  { name: "conformance", version: "1" },
  {
    capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} },
    versionNegotiation: { mode: isModern ? { pin: MCP_CONFORMANCE_PROTOCOL_VERSION } : "legacy" },
  },
);
client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { confirmed: true } }));
const transport = new StdioClientTransport({ command, args, env: { PATH, HOME }, stderr: "pipe" });
const listening = untilListening();
await client.connect(transport);
const { tools } = await client.listTools();
// This one answers its call on whatever GET comes next, and takes the time of the last: the first must not come late.
if (tools.some(({ name }) => name === "test_reconnection")) await listening;
for (const call of callsFor(tools)) await client.callTool(call).catch((error: unknown) => console.error(String(error)));
if (client.getServerCapabilities()?.prompts !== undefined) {
  const { prompts } = await client.listPrompts();
  for (const { name } of prompts)
    await client.getPrompt({ name }).catch((error: unknown) => console.error(String(error)));
}
if (client.getServerCapabilities()?.resources !== undefined) {
  const { resources } = await client.listResources();
  for (const { uri } of resources)
    await client.readResource({ uri }).catch((error: unknown) => console.error(String(error)));
}
await client.close();

/** Resolves when the bridge, which runs with --verbose, has opened the stream of the server's own messages. */
function untilListening(): Promise<void> {
  return new Promise((resolve) => {
    let said = "";
    transport.stderr?.on("data", (chunk: Buffer) => {
      process.stderr.write(chunk);
      said += chunk.toString();
      if (said.includes("listening to the server's own messages")) resolve();
    });
  });
}

interface Call {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

/** Those that the scenario names, else every tool once. */
function callsFor(listed: typeof tools): Call[] {
  const context: { toolCalls?: Call[] } = JSON.parse(MCP_CONFORMANCE_CONTEXT);
  return (
    context.toolCalls ??
    listed.map(({ name, inputSchema }) => {
      // This one wants to see what became of the other tool's schema on its way.
      if (name === "json_schema_echo") return { name, arguments: { schema: otherSchema(name) } };
      const properties = Object.entries(inputSchema.properties ?? {});
      return { name, arguments: Object.fromEntries(properties.map(([key, schema]) => [key, valueFor(schema)])) };
    })
  );
}

function otherSchema(name: string): unknown {
  return tools.find((tool) => tool.name !== name)?.inputSchema;
}

function valueFor(schema: unknown): unknown {
  const type = typeof schema === "object" && schema !== null && "type" in schema ? schema.type : undefined;
  return type === "number" || type === "integer" ? 5 : type === "boolean" ? true : "text";
}
