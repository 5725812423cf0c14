import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  inputResponse,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ResourceNotFoundError,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
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
 * What the conformance suite's server scenarios of 2026-07-28 ask for, on the official SDK (v2), over HTTP
 * (`conformance-server-modern.ts http`, which prints its port) or stdio. What it is, is told by the scenarios.
 */
const key = "a key that is not one, of 32 bytes and more";
const codec = createRequestStateCodec<{ step: number }>({ key });
const done = (value: string) => ({ content: [text(value)] });

const question = (message: string, field: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: {
      type: "object",
      properties: { [field]: field === "ok" ? { type: "boolean" as const } : { type: "string" as const } },
      required: [field],
    },
  });
const capital = inputRequired.createMessage({
  messages: [{ role: "user", content: text("What is the capital of France?") }],
  maxTokens: 100,
});
const name = question("What is your name?", "name");

type Tool = (context: ServerContext) => unknown;

/** A tool that asks `requests` first, and then says what it was answered. */
function asking(requests: InputRequests, withState = false): Tool {
  return async ({ mcpReq }) => {
    const answers = mcpReq.inputResponses ?? {};
    const missing = Object.keys(requests).filter((at) => {
      const view = inputResponse(answers, at);
      return view.kind === "missing" || (view.kind === "elicit" && view.action !== "accept");
    });
    if (missing.length === 0) return done(`${withState ? "state-ok " : ""}${JSON.stringify(answers)}`);
    return inputRequired({
      inputRequests: Object.fromEntries(missing.flatMap((at) => (requests[at] ? [[at, requests[at]]] : []))),
      ...(withState ? { requestState: await codec.mint({ step: 1 }) } : {}),
    });
  };
}

function declared({ envelope = {} }: ServerContext["mcpReq"]): Record<string, unknown> {
  return Reflect.get(envelope, CLIENT_CAPABILITIES_META_KEY) ?? {};
}

const changes = { tools: () => {}, prompts: () => {} };

const tools: Readonly<Record<string, Tool>> = {
  ...Object.fromEntries(
    Object.entries(plain).map(([tool, content]) => [tool, () => ({ content: content() })] as const),
  ),
  test_mirrored: () => done("mirrored"),
  test_error_handling: () => ({ isError: true, content: [text("This tool always fails")] }),
  async test_tool_with_progress({ mcpReq }) {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
    }
    return done("done");
  },
  async test_logging_tool({ mcpReq }) {
    await mcpReq.log("info", "said");
    return done("done");
  },
  test_missing_capability({ mcpReq }) {
    if (declared(mcpReq).sampling !== undefined) return done("done");
    throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
  },
  test_streaming_elicitation: asking({ user_name: name }),
  test_trigger_tool_change() {
    changes.tools();
    return done("changed");
  },
  test_trigger_prompt_change() {
    changes.prompts();
    return done("changed");
  },
  test_input_required_result_elicitation: asking({ user_name: name }),
  test_input_required_result_sampling: asking({ capital_question: capital }),
  test_input_required_result_list_roots: asking({ client_roots: inputRequired.listRoots() }),
  test_input_required_result_request_state: asking({ confirm: question("Please confirm", "ok") }, true),
  test_input_required_result_tampered_state: asking({ confirm: question("Please confirm", "ok") }, true),
  test_input_required_result_multiple_inputs: asking(
    { user_name: name, greeting: capital, client_roots: inputRequired.listRoots() },
    true,
  ),
  async test_input_required_result_multi_round({ mcpReq }) {
    const { step } = mcpReq.requestState<{ step: number }>() ?? { step: 0 };
    if (step === 2 && acceptedContent(mcpReq.inputResponses, "step2") !== undefined) return done("all is told");
    const next = step === 1 && acceptedContent(mcpReq.inputResponses, "step1") !== undefined ? 2 : 1;
    const asked = next === 1 ? question("What is your name?", "name") : question("And your color?", "color");
    return inputRequired({
      inputRequests: { [`step${next}`]: asked },
      requestState: await codec.mint({ step: next }),
    });
  },
  test_input_required_result_capabilities({ mcpReq }) {
    const can = declared(mcpReq);
    const all: InputRequests = {
      ...(can.elicitation === undefined ? {} : { user_name: name }),
      ...(can.sampling === undefined ? {} : { capital_question: capital }),
    };
    return Object.keys(all).length === 0 ? done("nothing to ask") : inputRequired({ inputRequests: all });
  },
};

const inquiring = "test_input_required_result_prompt";

/** Of the tools whose scenarios are about their schemas. */
const schemas: Readonly<Record<string, object>> = {
  json_schema_2020_12_tool: schema2020,
  test_mirrored: { properties: { region: { type: "string", "x-mcp-header": "Region" } } },
};

function createFixture(): Server {
  const server = new Server(
    { name: "conformance", version: "1" },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: {},
        prompts: { listChanged: true },
        ...{ logging: {}, completions: {} },
      },
      requestState: { verify: (state, context) => codec.verify(state, context) },
    },
  );
  server.setRequestHandler("tools/list", () => ({
    tools: Object.keys(tools).map((tool) => ({
      name: tool,
      description: `for the scenario of ${tool}`,
      inputSchema: { type: "object" as const, ...schemas[tool] },
    })),
  }));
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    const tool = tools[params.name];
    if (tool === undefined) throw new ProtocolError(-32602, `Unknown tool: ${params.name}`);
    return JSON.parse(JSON.stringify(await tool(context)));
  });
  server.setRequestHandler("resources/list", () => ({ resources }));
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates }));
  server.setRequestHandler("resources/read", ({ params: { uri } }) => {
    const contents = contentsAt(uri);
    if (contents === undefined) throw new ResourceNotFoundError(uri);
    return { contents };
  });
  server.setRequestHandler("prompts/list", () => ({
    prompts: [...listedPrompts(), { name: inquiring, description: "asks first", arguments: [] }],
  }));
  server.setRequestHandler("prompts/get", async ({ params }, context) => {
    const { name: prompt, arguments: args = {} } = params;
    if (prompt !== inquiring) return { messages: messagesOf(prompt, args) };
    const asked = await asking({ user_context: question("What context should the prompt use?", "context") })(context);
    return inputRequiredOr(asked, { messages: messagesOf("", {}) });
  });
  server.setRequestHandler("completion/complete", () => ({ completion: { values: ["a"], total: 1, hasMore: false } }));
  return server;
}

function inputRequiredOr<Result>(asked: unknown, result: Result): Result {
  const isAsking = typeof asked === "object" && asked !== null && "resultType" in asked;
  return isAsking ? JSON.parse(JSON.stringify(asked)) : result;
}

if (process.argv[2] === "stdio") {
  serveStdio(() => {
    const server = createFixture();
    changes.tools = () => void server.sendToolListChanged();
    changes.prompts = () => void server.sendPromptListChanged();
    return server;
  });
} else {
  const handler = createMcpHandler(createFixture, { legacy: "reject" });
  changes.tools = () => handler.notify.toolsChanged();
  changes.prompts = () => handler.notify.promptsChanged();
  const answer = toNodeHandler(handler);
  const server = createServer((request, response) => {
    const { host = "", origin = "" } = request.headers;
    // A page whose name was turned to this address must get nothing.
    if (!/^(127\.0\.0\.1|localhost)(:|$)/.test(host) || !/^($|https?:\/\/(127\.0\.0\.1|localhost)(:|$))/.test(origin)) {
      return void response.writeHead(403).end();
    }
    // The SDK's own types disagree under exactOptionalPropertyTypes.
    void Reflect.apply(answer, undefined, [request, response]);
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
  });
  process.stdin.resume().on("close", () => process.exit());
}
