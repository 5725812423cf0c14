import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { type EventStore, StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  type JSONRPCMessage,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import {
  contentsAt,
  listedPrompts,
  messagesOf,
  plain,
  resources,
  resourceTemplates,
  schema2020,
  text,
} from "./conformance-contents.ts";

/**
 * The tools, resources and prompts that the conformance suite's server scenarios ask for, on the official SDK (v1), over HTTP
 * with sessions (`conformance-server.ts http`, which prints its port) or stdio. What they are is told by the suite's scenarios.
 */
const choices = (word: string) => ["one", "two", "three"].map((name) => ({ const: `${word}-${name}`, title: name }));
const forms: Readonly<Record<string, Record<string, unknown>>> = {
  test_elicitation: { response: { type: "string", description: "what the user says" } },
  test_elicitation_sep1034_defaults: {
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", default: true },
  },
  test_elicitation_sep1330_enums: {
    untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
    titledSingle: { type: "string", oneOf: choices("value") },
    legacyEnum: { type: "string", enum: ["opt1", "opt2"], enumNames: ["Option One", "Option Two"] },
    untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
    titledMulti: { type: "array", items: { anyOf: choices("value") } },
  },
};

const others = [
  ...["test_tool_with_logging", "test_tool_with_progress", "test_error_handling", "test_sampling"],
  "test_reconnection",
];

function createFixture(): Server {
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
    ...{ logging: {}, completions: {} },
  };
  const server = new Server({ name: "conformance", version: "1" }, { capabilities });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...Object.keys(plain), ...Object.keys(forms), ...others].map((name) => ({
      name,
      description: `for the scenario of ${name}`,
      inputSchema:
        name === "json_schema_2020_12_tool" ? { ...schema2020, type: "object" as const } : { type: "object" as const },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: args = {}, _meta } }, extra) => {
    const known = plain[name];
    if (known !== undefined) return { content: known() };
    const properties = forms[name];
    if (properties !== undefined) {
      const params = { message: name, requestedSchema: { type: "object", properties } };
      const { action, content } = await extra.sendRequest(
        { method: "elicitation/create", params: JSON.parse(JSON.stringify(params)) },
        ElicitResultSchema,
      );
      return { content: [text(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`)] };
    }
    if (name === "test_sampling") {
      const messages = [{ role: "user" as const, content: text(String(args.prompt)) }];
      const said = await extra.sendRequest(
        { method: "sampling/createMessage", params: { messages, maxTokens: 100 } },
        CreateMessageResultSchema,
      );
      return { content: [text(`LLM response: ${JSON.stringify(said.content)}`)] };
    }
    if (name === "test_error_handling") return { isError: true, content: [text("This tool always fails")] };
    if (name === "test_reconnection") {
      extra.closeSSEStream?.();
      await delay(100);
      return { content: [text("back again")] };
    }
    for (const step of [0, 50, 100]) {
      if (name === "test_tool_with_logging") {
        await extra.sendNotification({
          method: "notifications/message",
          params: { level: "info", data: `at ${step}` },
        });
      } else if (_meta?.progressToken !== undefined) {
        const params = { progressToken: _meta.progressToken, progress: step, total: 100 };
        await extra.sendNotification({ method: "notifications/progress", params });
      }
      await delay(20);
    }
    return { content: [text("done")] };
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const contents = contentsAt(uri);
    if (contents === undefined) throw Object.assign(new Error("Resource not found"), { code: -32002, data: { uri } });
    return { contents };
  });
  for (const schema of [SubscribeRequestSchema, UnsubscribeRequestSchema, SetLevelRequestSchema]) {
    server.setRequestHandler(schema, () => ({}));
  }
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ["a"], total: 1, hasMore: false } }));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: listedPrompts() }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params: { name, arguments: args = {} } }) => ({
    messages: messagesOf(name, args),
  }));
  return server;
}

/** What was said on a stream, so that it can be said again. */
function createEvents(): EventStore {
  const events: { readonly stream: string; readonly message: JSONRPCMessage }[] = [];
  return {
    storeEvent: (stream, message) => Promise.resolve(String(events.push({ stream, message }) - 1)),
    async replayEventsAfter(lastEventId, { send }) {
      const stream = events[Number(lastEventId)]?.stream ?? "";
      for (const [at, event] of events.entries()) {
        const isLater = at > Number(lastEventId) && event.stream === stream;
        if (isLater && Object.keys(event.message).length > 0) await send(String(at), event.message);
      }
      return stream;
    },
  };
}

if (process.argv[2] === "stdio") await createFixture().connect(new StdioServerTransport());
else {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: createEvents(),
      retryInterval: 500,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await createFixture().connect(transport);
    return transport;
  };
  const server = createServer((request, response) => {
    const { host = "", origin = "" } = request.headers;
    // A page whose name was turned to this address must get nothing.
    if (!/^(127\.0\.0\.1|localhost)(:|$)/.test(host) || !/^($|https?:\/\/(127\.0\.0\.1|localhost)(:|$))/.test(origin)) {
      return void response.writeHead(403).end();
    }
    const id = String(request.headers["mcp-session-id"] ?? "");
    const found = sessions.get(id);
    if (found === undefined && id !== "") return void response.writeHead(404).end();
    void (found === undefined ? open() : Promise.resolve(found)).then((transport) =>
      transport.handleRequest(request, response),
    );
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
  });
  process.stdin.resume().on("close", () => process.exit());
}
