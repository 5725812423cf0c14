import { expect, test } from "vitest";
import { answerRoutine, type Reply, type Seen } from "../../fakes/mcp-server.ts";
import { scriptedBridges } from "../../fakes/scripted-bridge.ts";

const { start } = scriptedBridges();

/** A server that forgets its session when it is asked to. */
function forgetful(on: (seen: Seen, reply: Reply) => void) {
  let session = 1;
  return (seen: Seen, reply: Reply): void => {
    if (seen.body.method === "forget") {
      session += 1;
      reply.json({});
      return;
    }
    const isKnown = seen.headers["mcp-session-id"] === `session-${session}` || seen.body.method === "initialize";
    if (!isKnown) reply.status(404);
    else if (!answerRoutine(seen, reply, `session-${session}`)) on(seen, reply);
  };
}

const methodsOf = (seen: readonly Seen[]): unknown[] =>
  seen.flatMap(({ body, headers }) =>
    typeof body.method === "string" ? [`${String(headers["mcp-session-id"])} ${body.method}`] : [],
  );

test("a new session has the log level and the subscriptions of the old one before anything runs in it", async () => {
  const { server, agent } = await start(forgetful((_seen, reply) => reply.json({})));
  await agent.initialize();
  await agent.ask("logging/setLevel", { level: "debug" });
  await agent.ask("resources/subscribe", { uri: "a:1" });
  await agent.ask("resources/subscribe", { uri: "a:2" });
  await agent.ask("resources/unsubscribe", { uri: "a:1" });
  await agent.ask("forget");
  const before = server.seen.length;
  await Promise.all([agent.ask("tools/call", { name: "t" }), agent.ask("tools/call", { name: "t" })]);
  const after = methodsOf(server.seen.slice(before)).filter((step) => String(step).startsWith("session-2"));
  expect(after).toEqual([
    "session-2 notifications/initialized",
    "session-2 logging/setLevel",
    "session-2 resources/subscribe",
    "session-2 tools/call",
    "session-2 tools/call",
  ]);
  expect(
    server.seen.find(
      ({ body, headers }) => headers["mcp-session-id"] === "session-2" && body.method === "resources/subscribe",
    )?.body.params,
  ).toEqual({ uri: "a:2" });
});

test.each([
  ["a cursor", "tools/list", { cursor: "page-2" }],
  ["a task", "tasks/get", { taskId: "1" }],
])("%s of a session that is gone is an error, and is not sent to the new one", async (_what, method, params) => {
  const { server, agent } = await start(forgetful((_seen, reply) => reply.json({})));
  await agent.initialize();
  await agent.ask("forget");
  expect(await agent.ask(method, params)).toMatchObject({
    error: { code: -32602, message: expect.stringContaining("forgot the session") },
  });
  expect(methodsOf(server.seen)).not.toContain(`session-2 ${method}`);
  expect(await agent.ask("tools/list")).toHaveProperty("result");
});

test("an answer of the agent to a session that is gone is dropped", async () => {
  const { server, agent } = await start(
    forgetful((seen, reply) => {
      if (seen.body.method === "tools/list") return reply.json({});
      const stream = reply.stream();
      stream.event({ id: "from-server", method: "roots/list" });
    }),
  );
  await agent.initialize();
  void agent.ask("tools/call", { name: "t" });
  await agent.next(({ method }) => method === "roots/list");
  await agent.ask("forget");
  await agent.ask("tools/list");
  agent.send({ id: "from-server", result: { roots: [] } });
  await agent.ask("tools/list");
  expect(server.seen.filter(({ body }) => body.id === "from-server")).toEqual([]);
});

test("a session that the idle agent's stream finds gone is renewed, and the agent told that its lists may differ", async () => {
  const streams: { cut(): void }[] = [];
  let session = 1;
  const { server, agent } = await start((seen, reply) => {
    const isKnown = seen.headers["mcp-session-id"] === `session-${session}` || seen.body.method === "initialize";
    if (!isKnown) return reply.status(404);
    if (seen.httpMethod === "GET") {
      const stream = reply.stream();
      stream.write("retry: 5\n\n");
      return void streams.push(stream);
    }
    if (!answerRoutine(seen, reply, `session-${session}`)) reply.json({ tools: [] });
  });
  await agent.initialize();
  await agent.ask("tools/list");
  await server.saw(({ httpMethod }) => httpMethod === "GET");
  session = 2;
  streams[0]?.cut();
  await agent.next(({ method }) => method === "notifications/tools/list_changed");
  await server.saw(({ httpMethod, headers }) => httpMethod === "GET" && headers["mcp-session-id"] === "session-2");
});

const tools = [
  { name: "reads", inputSchema: {}, annotations: { readOnlyHint: true } },
  { name: "repeats", inputSchema: {}, annotations: { idempotentHint: true } },
  { name: "writes", inputSchema: {} },
];

test.each([
  ["reads", true, 2],
  ["repeats", true, 2],
  ["writes", true, 1],
  ["reads", false, 1],
] as const)(
  "a lost call of a tool that %s (replay allowed: %s) runs %d times",
  async (name, replaysIdempotent, times) => {
    let runs = 0;
    const { server, agent } = await start(
      (seen, reply) => {
        if (answerRoutine(seen, reply)) return;
        if (seen.body.method !== "tools/call") return reply.json({ tools });
        runs += 1;
        if (runs === 1) reply.stream().cut();
        else reply.json({ ran: runs });
      },
      { replaysIdempotent },
    );
    await agent.initialize();
    const answer = await agent.ask("tools/call", { name });
    if (times === 2) expect(answer).toMatchObject({ id: 2, result: { ran: 2 } });
    else expect(answer).toMatchObject({ error: { code: -31002, data: { mayHaveRun: true } } });
    expect(runs).toBe(times);
    const ids = server.seen.filter(({ body }) => body.method === "tools/call").map(({ body }) => body.id);
    expect(new Set(ids).size).toBe(times);
  },
);

test("a replayed request is cancelled under the id that the server knows", async () => {
  let lists = 0;
  const { server, agent } = await start((seen, reply) => {
    if (answerRoutine(seen, reply)) return;
    if (seen.body.method === "tools/list" && lists++ === 0) reply.stream().cut();
  });
  await agent.initialize();
  agent.send({ id: "list", method: "tools/list" });
  const second = await server.saw(({ body }) => body.method === "tools/list" && body.id !== "list");
  agent.send({ method: "notifications/cancelled", params: { requestId: "list" } });
  const cancelled = await server.saw(({ body }) => body.method === "notifications/cancelled");
  expect(cancelled.body.params).toEqual({ requestId: second.body.id });
});

test("what the server asks on a call's stream is answered, and answers the call, though the stream broke off in between", async () => {
  const { server, agent } = await start((seen, reply) => {
    if (seen.httpMethod === "GET" && seen.headers["last-event-id"] === "asked") {
      const stream = reply.stream();
      void server
        .saw(({ body }) => body.id === "question")
        .then(({ body }) => stream.event({ id: "call", result: { content: [], said: body.result } }));
    } else if (seen.body.id === "call") {
      const stream = reply.stream();
      const question = { jsonrpc: "2.0", id: "question", method: "elicitation/create", params: {} };
      stream.write(`retry: 5\nid: asked\ndata: ${JSON.stringify(question)}\n\n`);
      stream.end();
    } else answerRoutine(seen, reply);
  });
  await agent.initialize();
  agent.send({ id: "call", method: "tools/call", params: { name: "t" } });
  await agent.next(({ method }) => method === "elicitation/create");
  await server.saw(({ headers }) => headers["last-event-id"] === "asked");
  agent.send({ id: "question", result: { action: "accept" } });
  expect(await agent.next(({ id }) => id === "call")).toMatchObject({ result: { said: { action: "accept" } } });
  const answered = await server.saw(({ body }) => body.id === "question");
  expect(answered.headers["mcp-session-id"]).toBe("session-1");
});

test("calls wait for a server that was found broken, and are sent when something harmless got through", async () => {
  let isBroken = false;
  const ran: unknown[] = [];
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "initialize" || seen.httpMethod !== "POST") return void answerRoutine(seen, reply);
    if (seen.body.method === "tools/call") ran.push(seen.body.id);
    if (isBroken) reply.stream().cut();
    else if (!answerRoutine(seen, reply)) reply.json({ ok: true });
  });
  await agent.initialize();
  await agent.ask("ping");
  isBroken = true;
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ error: { code: -31002 } });
  const waiting = Array.from({ length: 20 }, () => agent.ask("tools/call", { name: "t" }));
  await server.saw(({ body }) => body.method === "ping" && String(body.id).startsWith("tsmcp"));
  isBroken = false;
  expect((await Promise.all(waiting)).every(({ result }) => result !== undefined)).toBe(true);
  expect(ran).toHaveLength(21);
});

test("a call that the agent cancelled in the midst of its answer makes no later one wait", async () => {
  const { server, agent } = await start((seen, reply) => {
    if (answerRoutine(seen, reply)) return;
    const { id } = seen.body;
    if (id === "half") reply.stream({ "content-type": "application/json" }).write('{"jsonrpc"');
    else reply.json({ ok: true });
  });
  await agent.initialize();
  agent.send({ id: "half", method: "tools/call", params: { name: "t" } });
  await server.saw(({ body }) => body.id === "half");
  // Answered on another stream, and so after the half.
  await agent.ask("ping");
  agent.send({ method: "notifications/cancelled", params: { requestId: "half" } });
  await server.saw(({ body }) => body.method === "notifications/cancelled");
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { ok: true } });
  expect(server.seen.filter(({ body }) => String(body.id).startsWith("tsmcp"))).toEqual([]);
});

test("an answer of the agent, and a cancellation, that are lost on their way go again", async () => {
  const lost = new Set<string>();
  let finish: () => void = () => {};
  const { server, agent } = await start((seen, reply) => {
    const kind = seen.body.result === undefined ? String(seen.body.method) : "answer";
    if ((kind === "answer" || kind === "notifications/cancelled") && !lost.has(kind)) {
      lost.add(kind);
      reply.stream().cut();
    } else if (kind === "answer") {
      reply.status(202);
      finish();
    } else if (!answerRoutine(seen, reply)) {
      const stream = reply.stream();
      stream.event({ id: "q", method: "roots/list" });
      finish = () => stream.event({ id: seen.body.id, result: { answered: true } });
    }
  });
  await agent.initialize();
  const call = agent.ask("tools/call", { name: "t" });
  await agent.next(({ method }) => method === "roots/list");
  agent.send({ id: "q", result: { roots: [] } });
  expect(await call).toMatchObject({ result: { answered: true } });
  agent.send({ id: "c", method: "tools/call", params: { name: "t" } });
  await agent.next(({ method }) => method === "roots/list");
  agent.send({ method: "notifications/cancelled", params: { requestId: "c" } });
  const isCancellation = ({ body }: Seen): boolean => body.method === "notifications/cancelled";
  await server.saw((one) => isCancellation(one) && server.seen.filter(isCancellation).length === 2);
});

test.each([
  ["is taken and not answered", true, (reply: Reply) => reply.status(202)],
  ["is answered with half a JSON text", true, (reply: Reply) => reply.text(200, "{", json)],
  ["is answered with a page", true, (reply: Reply) => reply.text(200, "<p>", { "content-type": "text/html" })],
  ["fails", true, (reply: Reply) => reply.status(500)],
  ["is refused", false, (reply: Reply) => reply.status(403)],
  ["fails in the server's own words", false, (reply: Reply) => reply.status(500, ownError)],
])("a call that %s may have run: %s", async (_what, mayHaveRun, answer) => {
  const { agent } = await start((seen, reply) => {
    if (!answerRoutine(seen, reply)) answer(reply);
  });
  await agent.initialize();
  const told = { data: { mayHaveRun: true }, message: expect.stringMatching(/; it may have run$/) };
  const { error } = await agent.ask("tools/call", { name: "t" });
  if (mayHaveRun) expect(error).toMatchObject(told);
  else expect(error).not.toMatchObject({ data: { mayHaveRun: true } });
  expect((await agent.ask("tools/list")).error).not.toMatchObject({ data: { mayHaveRun: true } });
});

const json = { "content-type": "application/json" };
const ownError = { jsonrpc: "2.0", id: 2, error: { code: -32603, message: "no" } };

test("a call that stands behind an absent server's 502 may have run, and says so", async () => {
  let isAway = false;
  const { agent } = await start((seen, reply) => {
    if (isAway) reply.status(502);
    else if (!answerRoutine(seen, reply)) reply.json({});
  });
  await agent.initialize();
  await agent.ask("tools/list");
  isAway = true;
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({
    error: {
      code: -31003,
      message: expect.stringContaining("it may have run"),
      data: { status: 502, mayHaveRun: true },
    },
  });
});

const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

test("a modern call carries the headers that its tool's schema wants, and tools whose schema is wrong are left out", async () => {
  const properties = {
    region: { type: "string", "x-mcp-header": "Region" },
    deep: { type: "object", properties: { dry: { type: "boolean", "x-mcp-header": "Dry-Run" } } },
    count: { type: "integer", "x-mcp-header": "Count" },
  };
  const wrong = { name: "wrong", inputSchema: { properties: { a: { type: "object", "x-mcp-header": "A" } } } };
  const { server, agent, bridge } = await start((seen, reply) => {
    if (seen.body.method === "tools/list") {
      reply.json({
        resultType: "complete",
        tools: [{ name: "t", inputSchema: { type: "object", properties } }, wrong],
      });
    } else reply.json({ resultType: "complete", content: [] });
  });
  const listed = await agent.ask("tools/list", { _meta });
  expect(JSON.stringify(listed)).not.toContain("wrong");
  await agent.ask("tools/call", { name: "t", arguments: { region: "Köln", deep: { dry: true } }, _meta });
  expect(server.seen.at(-1)?.headers).toMatchObject({
    "mcp-param-region": "=?base64?S8O2bG4=?=",
    "mcp-param-dry-run": "true",
  });
  expect(server.seen.at(-1)?.headers).not.toHaveProperty("mcp-param-count");
  expect(bridge.log.join("")).toContain('left out the tool "wrong"');
});

test("a modern call whose headers the server misses goes again with those of the fresh list", async () => {
  const properties = { region: { type: "string", "x-mcp-header": "Region" } };
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "tools/list") return reply.json({ tools: [{ name: "t", inputSchema: { properties } }] });
    if (seen.headers["mcp-param-region"] === "x") return reply.json({ ok: true });
    reply.status(400, { jsonrpc: "2.0", id: null, error: { code: -32020, message: "header mismatch" } });
  });
  expect(await agent.ask("tools/call", { name: "t", arguments: { region: "x" }, _meta })).toMatchObject({
    result: { ok: true },
  });
  expect(server.seen.map(({ body }) => body.method)).toEqual(["tools/call", "tools/list", "tools/call"]);
  expect(server.seen[1]?.headers).toMatchObject({ "mcp-method": "tools/list", "mcp-protocol-version": "2026-07-28" });
});

test("a modern list whose stream broke is asked for under a new id, and answered under the agent's", async () => {
  let lists = 0;
  const { server, agent } = await start((_seen, reply) => {
    if (lists++ === 0) reply.stream().cut();
    else reply.json({ resultType: "complete", tools: [] });
  });
  expect(await agent.ask("tools/list", { _meta })).toMatchObject({ id: 1, result: { tools: [] } });
  expect(server.seen.map(({ body }) => body.id)).toEqual([1, expect.stringMatching(/^tsmcp-/)]);
});

test("a subscription whose stream broke is asked for again, and stays one subscription to the agent", async () => {
  const key = "io.modelcontextprotocol/subscriptionId";
  const streams: ReturnType<Reply["stream"]>[] = [];
  const honored = { toolsListChanged: true, resourceSubscriptions: ["a:1"] };
  const { agent } = await start((seen, reply) => {
    const stream = reply.stream();
    streams.push(stream);
    const params = { notifications: honored, _meta: { [key]: seen.body.id } };
    stream.event({ method: "notifications/subscriptions/acknowledged", params });
    if (streams.length === 1) return;
    stream.event({ method: "notifications/prompts/list_changed", params: { _meta: { [key]: seen.body.id } } });
    stream.event({ id: seen.body.id, result: { resultType: "complete", _meta: { [key]: seen.body.id } } });
    stream.end();
  });
  const ended = agent.ask("subscriptions/listen", { notifications: honored, _meta });
  await agent.next(({ method }) => method === "notifications/subscriptions/acknowledged");
  streams[0]?.cut();
  const mine = { _meta: { [key]: 1 } };
  expect(await agent.next(({ method }) => method !== undefined)).toMatchObject({
    method: "notifications/tools/list_changed",
    params: mine,
  });
  expect(await agent.next(({ method }) => method !== undefined)).toMatchObject({
    method: "notifications/resources/updated",
    params: { uri: "a:1", ...mine },
  });
  expect(await agent.next(({ method }) => method !== undefined)).toMatchObject({
    method: "notifications/prompts/list_changed",
    params: mine,
  });
  expect(await ended).toMatchObject({ id: 1, result: mine });
});
