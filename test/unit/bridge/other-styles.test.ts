import { createServer } from "node:http";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test, vi } from "vitest";
import { createAgent } from "../../../src/bridge/agent.ts";
import { connectTo } from "../../../src/bridge/connection.ts";
import { listenToServer } from "../../../src/bridge/server-stream.ts";
import { createWay } from "../../../src/bridge/way.ts";
import { silentLog } from "../../../src/core/log.ts";
import { createLineWriter } from "../../../src/streams/line-writer.ts";
import { rawAgent, startBridge } from "../../fakes/bridge.ts";
import { listen } from "../../fakes/listening.ts";
import { answerRoutine, type Reply, type Seen, startScriptedServer } from "../../fakes/mcp-server.ts";
import { scriptedBridges } from "../../fakes/scripted-bridge.ts";

const { cleanups, start } = scriptedBridges();

const refusal = (code: number, message: string) => ({ jsonrpc: "2.0", id: null, error: { code, message } });
const timesOf = (method: string, seen: readonly Seen[]): number =>
  seen.filter(({ body }) => body.method === method).length;

/** A server whose first session is refused with this, and that counts what it runs. */
function forgetful(status: number, words: string | object, headers?: Record<string, string>) {
  let sessions = 0;
  let runs = 0;
  const script = (seen: Seen, reply: Reply): void => {
    if (seen.body.method === "initialize") sessions += 1;
    if (answerRoutine(seen, reply, `session-${sessions}`)) return;
    if (sessions > 1) {
      runs += 1;
      reply.json({ runs });
    } else if (typeof words === "string") reply.text(status, words, headers);
    else reply.status(status, { ...words });
  };
  return { script, runs: () => runs };
}

test.each([
  [400, "Bad Request: No valid session ID provided"],
  [400, "Invalid session ID"],
  [401, "Unauthorized: Session not found"],
  [410, "the session has expired"],
  [404, "page not found"],
  [400, refusal(-32600, "Bad Request: Missing session ID")],
  [400, refusal(-32001, "Session not found")],
  [400, refusal(-32000, "Bad Request: Server not initialized")],
  [400, { detail: "unknown session" }],
  [404, { cause: null, jsonRpcError: { code: -32603, message: "Session not found: 5f0c" } }],
  [404, { jsonrpc: "2.0", id: 2, error: { code: -32603, message: "Session not found: 5f0c" } }],
  [404, { jsonrpc: "2.0", id: 2, error: { code: -32001, message: "Session not found" } }],
  [404, { jsonrpc: "2.0", id: "server-error", error: { code: -32600, message: "Gone" } }],
  [400, refusal(-32000, "Bad Request: The Mcp-Session-Id header is not supported in stateless mode")],
])("a session that is refused with %d and %j is renewed, and the call runs once", async (status, words) => {
  const { script, runs } = forgetful(status, words);
  const { server, agent } = await start(script);
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { runs: 1 } });
  expect([runs(), timesOf("initialize", server.seen)]).toEqual([1, 2]);
});

test("a session that is refused in words of no content type is renewed, as with Python's first servers", async () => {
  const words = "Bad Request: No valid session ID provided";
  const { script, runs } = forgetful(400, words, {});
  const { server, agent } = await start(script);
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { runs: 1 } });
  expect([runs(), timesOf("initialize", server.seen)]).toEqual([1, 2]);
});

test("a server that had no sessions and has them since its restart is opened anew, and the call runs once", async () => {
  let openings = 0;
  let runs = 0;
  const { agent } = await start((seen, reply) => {
    const { httpMethod, body, headers } = seen;
    if (body.method === "initialize") {
      openings += 1;
      const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };
      reply.json(result, openings > 1 ? { "mcp-session-id": "new" } : {});
    } else if (httpMethod !== "POST" || body.id === undefined) answerRoutine(seen, reply);
    else if (headers["mcp-session-id"] === undefined) {
      reply.status(400, refusal(-32000, "Bad Request: Mcp-Session-Id header is required"));
    } else {
      runs += 1;
      reply.json({ runs });
    }
  });
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { runs: 1 } });
  expect([openings, runs]).toEqual([2, 1]);
});

test("a server that keeps the stream of its opening's answer open holds up no call", async () => {
  // What ends the stream after a while does not come.
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { agent } = await start((seen, reply) => {
    const { body } = seen;
    const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };
    if (body.method === "initialize") reply.stream({ "mcp-session-id": "s" }).event({ id: body.id, result });
    else if (!answerRoutine(seen, reply)) reply.json({ called: true });
  });
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { called: true } });
});

test.each([
  [400, refusal(-32603, "the database session was closed in mid-call")],
  [400, refusal(-32602, "no such argument: session")],
  [403, "this session may not do that"],
  [401, "log in first"],
  [400, "this tool needs a browser session"],
  [400, refusal(-32000, "browser session not found")],
  [401, "your login session_token is wrong"],
  [400, refusal(-32000, "the camera is not initialized")],
  [404, { jsonrpc: "2.0", id: 2, error: { code: -32602, message: "no such file" } }],
  [404, { jsonrpc: "2.0", id: 2, error: { code: -32000, message: "no such tmux session" } }],
])("a refusal with %d and %j is the call's own, and does not go again", async (status, words) => {
  const { server, agent } = await start(forgetful(status, words).script);
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toHaveProperty("error");
  expect([timesOf("tools/call", server.seen), timesOf("initialize", server.seen)]).toEqual([1, 1]);
});

test("a refusal whose text never ends is an error all the same", async () => {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(400, { "content-type": "application/json" }).write("{");
  });
  const port = await listen(server);
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  const bridge = startBridge({ urls: [`http://127.0.0.1:${port}/mcp`] });
  cleanups.push(bridge);
  expect(await rawAgent(bridge).ask("initialize")).toMatchObject({ error: { data: { status: 400 } } });
});

test("notifications get through though the server opens a stream for each and leaves it open", async () => {
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "notifications/progress") reply.stream().write(": still here\n\n");
    else if (!answerRoutine(seen, reply)) reply.json({});
  });
  await agent.initialize();
  // More than HTTP/1.1 has connections for.
  const tokens = Array.from({ length: 12 }, (_, index) => index);
  for (const progressToken of tokens) agent.send({ method: "notifications/progress", params: { progressToken } });
  const arrived = tokens.map((token) =>
    server.saw(({ body }) => (body.params as { progressToken?: unknown } | undefined)?.progressToken === token),
  );
  expect(await Promise.all(arrived)).toHaveLength(tokens.length);
});

test.each([
  ["a page", (reply: Reply) => reply.text(200, "<h1>MCP</h1>")],
  ["JSON", (reply: Reply) => reply.json({})],
  ["nothing (204)", (reply: Reply) => reply.status(204)],
])("a server that answers the request for its own messages with %s is not asked again", async (_name, answer) => {
  const server = await startScriptedServer((_seen, reply) => answer(reply));
  cleanups.push(server);
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const stop = new AbortController();
  const io = { stdin, stdout, env: {}, log: silentLog, signal: stop.signal };
  const connection = connectTo({ urls: [server.url] }, io);
  onTestFinished(() => connection.origin.close());
  const listening = listenToServer({
    way: createWay(connection, silentLog),
    session: { id: "s", protocolVersion: "2025-11-25" },
    agent: createAgent(createLineWriter(stdout)),
    log: silentLog,
    signal: stop.signal,
  });
  expect(await listening).toBe("none");
  expect(server.seen).toHaveLength(1);
});

test("a server that has too much to do for its own stream (429) is asked for it later", async () => {
  let asked = 0;
  const { agent } = await start((seen, reply) => {
    if (seen.httpMethod === "GET") {
      asked += 1;
      if (asked === 1) reply.status(429);
      else reply.stream().event({ method: "notifications/message", params: { level: "info", data: "here" } });
    } else if (!answerRoutine(seen, reply)) reply.json({});
  });
  await agent.initialize();
  expect(await agent.next(({ method }) => method === "notifications/message")).toMatchObject({
    params: { data: "here" },
  });
});

test.each([
  ["is not ASCII", "id: é😀\ndata:\n\n", "é😀"],
  ["comes without an event", "id: 7\n\n", "7"],
])("a stream is resumed by an id that %s", async (_name, first, id) => {
  const { server, agent } = await start((seen, reply) => {
    const resumed = seen.headers["last-event-id"];
    if (resumed === undefined && seen.httpMethod === "POST" && seen.body.method === "tools/call") {
      const stream = reply.stream();
      stream.write(`retry: 1\n${first}`);
      return stream.end();
    }
    if (resumed === undefined) return void answerRoutine(seen, reply);
    const call = server.seen.find(({ body }) => body.method === "tools/call");
    reply.stream().event({ id: call?.body.id, result: { id: Buffer.from(String(resumed), "latin1").toString() } });
  });
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { id } });
});

test.each(["end", "destroy"] as const)(
  "no call is lost where the server closes each connection (%s) right after its answer",
  async (how) => {
    let runs = 0;
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      response.once("finish", () => setImmediate(() => request.socket[how]()));
      request.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
      request.once("end", () => {
        if (request.method !== "POST") return response.writeHead(request.method === "GET" ? 405 : 200).end();
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString());
        if (id === undefined) return response.writeHead(202).end();
        if (method === "tools/call") runs += 1;
        const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "x", version: "1" } };
        response.writeHead(200, { "content-type": "application/json" });
        return response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      });
    });
    const port = await listen(server);
    onTestFinished(() => void server.close());
    const bridge = startBridge({ urls: [`http://127.0.0.1:${port}/mcp`] });
    cleanups.push(bridge);
    const agent = rawAgent(bridge);
    await agent.initialize();
    const call = () => agent.ask("tools/call", { name: "t" });
    const answers = [];
    for (let index = 0; index < 30; index++) answers.push(await call());
    answers.push(...(await Promise.all(Array.from({ length: 30 }, call))));
    expect(answers.filter((answer) => !("result" in answer))).toEqual([]);
    expect(runs).toBe(60);
  },
);

test("a confirmation of the opening that is lost on its way goes again", async () => {
  let lost = 0;
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "notifications/initialized" && lost === 0) {
      lost += 1;
      reply.stream().cut();
    } else if (!answerRoutine(seen, reply)) reply.json({});
  });
  await agent.initialize();
  await server.saw(({ httpMethod }) => httpMethod === "GET");
  expect(timesOf("notifications/initialized", server.seen)).toBe(1 + lost);
});
