import { createServer, type ServerResponse } from "node:http";
import { listen } from "../fakes/listening.ts";

/** What the agent wants from its model, of which only the tools and what was said matter. */
export interface Turn {
  /** Every tool that the model may call. */
  readonly tools: readonly string[];
  /** The whole request. */
  readonly text: string;
}

/** A call of one of the tools; undefined ends the conversation. */
export type Reply = { readonly name: string; readonly arguments: object } | undefined;

export interface StubModel extends AsyncDisposable {
  readonly url: string;
}

/** A model endpoint on loopback in the dialects of four vendors, which `answer` speaks through. */
export async function startStubModel(answer: (turn: Turn) => Promise<Reply>): Promise<StubModel> {
  let last = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const speak = dialects.find(({ path }) => path.test(request.url ?? ""))?.speak;
      if (speak === undefined) return json(response, { data: [], models: [], input_tokens: 1 });
      last += 1;
      const id = `call${last}`;
      const tools = toolNames(JSON.parse(text).tools);
      // Titles and summaries are asked for without tools.
      const reply = tools.length === 0 ? Promise.resolve(undefined) : answer({ tools, text });
      reply.then(
        (value) => speak(response, value, id),
        () => response.destroy(),
      );
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

type Speak = (response: ServerResponse, reply: Reply, id: string) => void;

const dialects: readonly { readonly path: RegExp; readonly speak: Speak }[] = [
  { path: /\/v1\/messages(\?|$)/, speak: speakAnthropic },
  { path: /\/responses(\?|$)/, speak: speakResponses },
  { path: /\/chat\/completions(\?|$)/, speak: speakChat },
  { path: /:streamGenerateContent/, speak: speakGemini },
];

/** The vendors nest them differently; Codex has name spaces. */
function toolNames(value: unknown, space = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => toolNames(one, space));
  if (typeof value !== "object" || value === null) return [];
  const { functionDeclarations, type, tools, function: inner, name } = { ...value } as Record<string, unknown>;
  if (functionDeclarations !== undefined) return toolNames(functionDeclarations);
  if (type === "namespace") return toolNames(tools, `${String(name)}/`);
  if (inner !== undefined) return toolNames(inner);
  return typeof name === "string" ? [`${space}${name}`] : [];
}

function speakAnthropic(response: ServerResponse, reply: Reply, id: string): void {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id, type: "message", role: "assistant", model: "stub", content: [], stop_reason: null, usage };
  const block =
    reply === undefined ? { type: "text", text: "" } : { type: "tool_use", id, name: reply.name, input: {} };
  const delta =
    reply === undefined
      ? { type: "text_delta", text: "done" }
      : { type: "input_json_delta", partial_json: JSON.stringify(reply.arguments) };
  const stop = { stop_reason: reply === undefined ? "end_turn" : "tool_use", stop_sequence: null };
  events(response, [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: stop, usage },
    { type: "message_stop" },
  ]);
}

function speakResponses(response: ServerResponse, reply: Reply, id: string): void {
  const [space, name] = reply?.name.includes("/") === true ? reply.name.split("/") : [undefined, reply?.name];
  const call = {
    ...{ type: "function_call", id, call_id: id, name, arguments: JSON.stringify(reply?.arguments) },
    ...(space === undefined ? {} : { namespace: space }),
  };
  const words = { type: "message", id, role: "assistant", content: [{ type: "output_text", text: "done" }] };
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
  events(response, [
    { type: "response.created", response: { id } },
    { type: "response.output_item.done", output_index: 0, item: reply === undefined ? words : call },
    { type: "response.completed", response: { id, usage } },
  ]);
}

function speakChat(response: ServerResponse, reply: Reply, id: string): void {
  const call = reply && { name: reply.name, arguments: JSON.stringify(reply.arguments) };
  const delta = call
    ? { role: "assistant", tool_calls: [{ index: 0, id, type: "function", function: call }] }
    : { role: "assistant", content: "done" };
  const chunk = (choice: object): object => ({
    ...{ id, object: "chat.completion.chunk", created: 1, model: "stub" },
    choices: [{ index: 0, ...choice }],
  });
  const end = { delta: {}, finish_reason: call ? "tool_calls" : "stop" };
  events(response, [chunk({ delta, finish_reason: null }), chunk(end)], "data: [DONE]\n\n");
}

function speakGemini(response: ServerResponse, reply: Reply): void {
  const part = reply === undefined ? { text: "done" } : { functionCall: { name: reply.name, args: reply.arguments } };
  const candidate = { content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 };
  events(response, [{ candidates: [candidate], usageMetadata: { totalTokenCount: 2 } }]);
}

function events(response: ServerResponse, values: readonly object[], last = ""): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const value of values) {
    const name = "type" in value ? `event: ${String(value.type)}\n` : "";
    response.write(`${name}data: ${JSON.stringify(value)}\n\n`);
  }
  response.end(last);
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
