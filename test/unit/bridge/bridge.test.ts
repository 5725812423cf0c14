import { expect, test } from "vitest";
import { TsmcpError } from "../../../src/core/errors.ts";
import { freePort } from "../../../src/net/listening.ts";
import { rawAgent, startBridge } from "../../fakes/bridge.ts";
import { answerRoutine, type Reply, type Seen, startScriptedServer } from "../../fakes/mcp-server.ts";
import { startFakeProxy } from "../../fakes/proxy.ts";
import { scriptedBridges } from "../../fakes/scripted-bridge.ts";

const { cleanups, start } = scriptedBridges();

/** For agents that are to be answered without the server, and for tests that do not wait for seconds. */
const hasty = { earlyAfterMs: 20, answerByMs: 100 };

const calls = (on: (seen: Seen, reply: Reply) => void) => (seen: Seen, reply: Reply) => {
  if (!answerRoutine(seen, reply)) on(seen, reply);
};
const errorOf = (answer: Record<string, unknown>): unknown => answer.error;

test("a session is opened, used with its headers, and deleted when stdin closes", async () => {
  const { server, bridge, agent } = await start(calls((_seen, reply) => reply.json({ tools: [] })));
  const answer = await agent.initialize();
  expect(answer.result).toMatchObject({ serverInfo: { name: "scripted" } });
  expect(await agent.ask("tools/list")).toMatchObject({ result: { tools: [] } });
  bridge.stdin.end();
  expect(await bridge.ended).toBe(0);
  const steps = server.seen
    .map(({ httpMethod, body }) => (typeof body.method === "string" ? body.method : httpMethod))
    .filter((step) => step !== "GET");
  expect(steps).toEqual(["initialize", "notifications/initialized", "tools/list", "DELETE"]);
  expect(server.seen[0]?.headers).toMatchObject({
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
  });
  expect(server.seen[0]?.headers).not.toHaveProperty("mcp-session-id");
  for (const { headers } of server.seen.slice(1)) {
    expect(headers).toMatchObject({ "mcp-session-id": "session-1", "mcp-protocol-version": "2025-11-25" });
  }
  expect(agent.stray).toEqual([]);
});

test.each(["terminate", "stdout"] as const)(
  "on %s the session is deleted, and no answer is waited for",
  async (how) => {
    const { server, bridge, agent } = await start((seen, reply) => {
      // Neither the call nor the DELETE is ever answered.
      if (seen.httpMethod !== "DELETE") answerRoutine(seen, reply);
    });
    await agent.initialize();
    await server.saw(({ body }) => body.method === "notifications/initialized");
    agent.send({ id: 99, method: "tools/call", params: { name: "hangs" } });
    await server.saw(({ body }) => body.id === 99);
    if (how === "terminate") bridge.terminate();
    else bridge.stdout.destroy();
    await server.saw(({ httpMethod }) => httpMethod === "DELETE");
    expect(await bridge.ended).toBe(0);
  },
);

test("a request that is under way when stdin closes is still answered", async () => {
  const { bridge, agent } = await start(calls((_seen, reply) => setTimeout(() => reply.json({ late: true }), 100)));
  await agent.initialize();
  const answer = agent.ask("tools/call", { name: "slow" });
  bridge.stdin.end();
  expect(await answer).toMatchObject({ result: { late: true } });
  expect(await bridge.ended).toBe(0);
});

test("what follows notifications/initialized does not overtake it", async () => {
  const order: unknown[] = [];
  const { agent } = await start((seen, reply) => {
    if (seen.httpMethod === "POST") order.push(seen.body.method);
    if (seen.body.method === "notifications/initialized") setTimeout(() => reply.status(202), 50);
    else if (!answerRoutine(seen, reply)) reply.json({});
  });
  await agent.initialize();
  await agent.ask("tools/list");
  expect(order).toEqual(["initialize", "notifications/initialized", "tools/list"]);
});

test("messages that come in one burst wait for the session and go in order", async () => {
  const { server, bridge, agent } = await start((seen, reply) => {
    if (seen.body.method === "initialize") setTimeout(() => answerRoutine(seen, reply), 50);
    else if (!answerRoutine(seen, reply)) reply.json({ ok: true });
  });
  agent.send({ id: "a", method: "initialize", params: {} });
  agent.send({ method: "notifications/initialized" });
  agent.send({ id: "b", method: "tools/list" });
  bridge.stdin.end();
  expect(await agent.next(({ id }) => id === "b")).toMatchObject({ result: { ok: true } });
  await bridge.ended;
  const posts = server.seen.filter(({ httpMethod }) => httpMethod === "POST");
  expect(posts.map(({ body }) => body.method)).toEqual(["initialize", "notifications/initialized", "tools/list"]);
  expect(posts.map(({ headers }) => headers["mcp-session-id"])).toEqual([undefined, "session-1", "session-1"]);
});

test("a list that is lost again is an error and no loop", async () => {
  const { server, agent } = await start(calls((_seen, reply) => reply.stream().cut()));
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/list"))).toMatchObject({ code: -31002 });
  expect(server.seen.filter(({ body }) => body.method === "tools/list")).toHaveLength(4);
});

test("progress and the server's requests on a call's stream reach the agent before the answer", async () => {
  const { server, agent } = await start(
    calls((seen, reply) => {
      const stream = reply.stream();
      stream.event({ method: "notifications/progress", params: { progressToken: 1, progress: 1 } });
      stream.event({ id: "from-server", method: "sampling/createMessage", params: {} });
      void server
        .saw(({ body }) => body.id === "from-server")
        .then(() => {
          stream.event({ id: seen.body.id, result: { done: true } });
          stream.end();
        });
    }),
  );
  await agent.initialize();
  const answer = agent.ask("tools/call", { name: "t" });
  expect(await agent.next(({ method }) => method === "notifications/progress")).toMatchObject({
    params: { progress: 1 },
  });
  await agent.next(({ method }) => method === "sampling/createMessage");
  agent.send({ id: "from-server", result: { role: "assistant" } });
  expect(await answer).toMatchObject({ result: { done: true } });
});

test("the server's own stream reaches the agent, and is opened again where it broke off", async () => {
  const streams: { cut(): void }[] = [];
  const { server, agent } = await start((seen, reply) => {
    if (seen.httpMethod !== "GET") return void answerRoutine(seen, reply);
    const stream = reply.stream();
    streams.push(stream);
    stream.write("retry: 10\n\n");
    stream.write(
      `id: event-${streams.length}\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n`,
    );
  });
  await agent.initialize();
  await agent.next(({ method }) => method === "notifications/tools/list_changed");
  streams[0]?.cut();
  await agent.next(({ method }) => method === "notifications/tools/list_changed");
  const second = await server.saw(({ headers }) => headers["last-event-id"] === "event-1");
  expect(second.headers).toMatchObject({ "mcp-session-id": "session-1" });
});

test.each([
  ["its own stream is open", (reply: Reply) => reply.stream().write(": wait\n\n")],
  ["its POST has no answer at all", () => {}],
])("an answer on the server's own stream is the call's, though %s", async (_name, hold) => {
  let own: ReturnType<Reply["stream"]> | undefined;
  const { server, agent } = await start((seen, reply) => {
    if (seen.httpMethod === "GET") own = reply.stream();
    else if (seen.body.method === "tools/call") hold(reply);
    else answerRoutine(seen, reply);
  });
  await agent.initialize();
  await server.saw(({ httpMethod }) => httpMethod === "GET");
  const answer = agent.ask("tools/call", { name: "t" });
  const { body } = await server.saw(({ body: { method } }) => method === "tools/call");
  own?.event({ id: "nobody's", result: { of: "another" } });
  own?.event({ id: null, error: { code: -32600, message: "of none" } });
  own?.event({ id: body.id, result: { elsewhere: true } });
  own?.event({ id: body.id, result: { elsewhere: "twice" } });
  own?.event({ method: "notifications/message", params: { level: "info", data: "after" } });
  expect(await answer).toMatchObject({ result: { elsewhere: true } });
  // Whatever else had been passed on would be before it.
  expect(await agent.next(() => true)).toMatchObject({ method: "notifications/message" });
});

test("a call's stream that breaks off is resumed where the server numbered its events", async () => {
  const { agent } = await start((seen, reply) => {
    if (seen.httpMethod === "GET" && seen.headers["last-event-id"] === "7") {
      reply.stream().event({ id: 2, result: { resumed: true } });
    } else if (!answerRoutine(seen, reply)) {
      const stream = reply.stream();
      stream.write("id: 7\nretry: 5\ndata:\n\n");
      stream.end();
    }
  });
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { resumed: true } });
});

test("a call whose connection is lost says that it may have run, and a list is asked again", async () => {
  let lists = 0;
  const { server, agent } = await start(
    calls((seen, reply) => {
      if (seen.body.method === "tools/list" && lists++ > 0) return reply.json({ tools: [1] });
      reply.stream().cut();
    }),
  );
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/call", { name: "t" }))).toMatchObject({
    code: -31002,
    data: { mayHaveRun: true },
  });
  expect(await agent.ask("tools/list")).toMatchObject({ result: { tools: [1] } });
  expect(server.seen.filter(({ body }) => body.method === "tools/call")).toHaveLength(1);
});

test.each([
  ["404", (reply: Reply) => reply.status(404)],
  [
    "400",
    (reply: Reply) =>
      reply.status(400, {
        jsonrpc: "2.0",
        id: null,
        error: { code: -32000, message: "Bad Request: No valid session ID" },
      }),
  ],
])("many calls refused with %s for a lost session are answered in one new session", async (_name, refuse) => {
  let session = 1;
  const ran: unknown[] = [];
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "forget") {
      session = 2;
      return reply.json({});
    }
    const isKnown = seen.headers["mcp-session-id"] === `session-${session}` || seen.body.method === "initialize";
    if (!isKnown) return refuse(reply);
    if (answerRoutine(seen, reply, `session-${session}`)) return;
    ran.push(seen.body.id);
    reply.json({ ok: seen.body.id });
  });
  await agent.initialize();
  await agent.ask("forget");
  const answers = await Promise.all(Array.from({ length: 20 }, () => agent.ask("tools/call", { name: "t" })));
  expect(answers.every(({ id, result }) => JSON.stringify(result) === JSON.stringify({ ok: id }))).toBe(true);
  expect(new Set(ran).size).toBe(20);
  expect(ran).toHaveLength(20);
  expect(server.seen.filter(({ body }) => body.method === "initialize")).toHaveLength(2);
});

test("the server's own stream is opened in the new session too", async () => {
  let session = 1;
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "forget") {
      session = 2;
      return reply.json({});
    }
    const isKnown = seen.headers["mcp-session-id"] === `session-${session}` || seen.body.method === "initialize";
    if (!isKnown) return reply.status(404);
    if (seen.httpMethod === "GET") return void reply.stream();
    if (!answerRoutine(seen, reply, `session-${session}`)) reply.json({ ok: true });
  });
  const listening = (id: string) =>
    server.saw(({ httpMethod, headers }) => httpMethod === "GET" && headers["mcp-session-id"] === id);
  await agent.initialize();
  await listening("session-1");
  await agent.ask("forget");
  await agent.ask("tools/list");
  await listening("session-2");
});

test("a new session that is refused again is an error and no loop", async () => {
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "tools/list") reply.status(404);
    else answerRoutine(seen, reply);
  });
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/list"))).toMatchObject({ code: -31003, data: { layer: "http", status: 404 } });
  expect(server.seen.filter(({ body }) => body.method === "initialize")).toHaveLength(2);
});

test("a cancelled call is told to the server, and its answer is not waited for", async () => {
  const { server, agent } = await start(
    calls((seen, reply) => (seen.body.method === "ping" ? reply.json({}) : undefined)),
    {
      maxInFlight: 1,
    },
  );
  await agent.initialize();
  agent.send({ id: 50, method: "tools/call", params: { name: "hangs" } });
  await server.saw(({ body }) => body.id === 50);
  agent.send({ method: "notifications/cancelled", params: { requestId: 50 } });
  await server.saw(({ body }) => body.method === "notifications/cancelled");
  expect(await agent.ask("ping")).toMatchObject({ result: {} });
});

const modernMeta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

test("a modern call carries the headers of its body, and cancelling it closes its stream and sends nothing", async () => {
  const { server, agent } = await start((seen, reply) => {
    if (seen.body.method === "ping") reply.json({});
    else reply.stream().event({ method: "notifications/progress", params: { progressToken: 1, progress: 1 } });
  });
  agent.send({ id: 1, method: "tools/call", params: { name: "größe", _meta: modernMeta } });
  await agent.next(({ method }) => method === "notifications/progress");
  expect(server.seen[0]?.headers).toMatchObject({
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "=?base64?Z3LDtsOfZQ==?=",
  });
  agent.send({ method: "notifications/cancelled", params: { requestId: 1, _meta: modernMeta } });
  await agent.ask("ping", { _meta: modernMeta });
  expect(server.seen.map(({ body }) => body.method)).toEqual(["tools/call", "ping"]);
});

test("an agent of both eras hears 'method not found' where the server is too old for server/discover", async () => {
  const { agent } = await start((seen, reply) => {
    if (seen.body.method === "server/discover") {
      return reply.status(400, {
        jsonrpc: "2.0",
        id: null,
        error: { code: -32000, message: "Server not initialized" },
      });
    }
    answerRoutine(seen, reply);
  });
  expect(errorOf(await agent.ask("server/discover", { _meta: modernMeta }))).toMatchObject({ code: -32601 });
  expect((await agent.initialize()).result).toBeDefined();
});

test.each([
  ["initialize", {}, -32022, "the agent speaks MCP 2025-11-25 or older, the server only newer"],
  [
    "tools/call",
    { name: "t", _meta: modernMeta },
    -32000,
    "the agent speaks MCP 2026-07-28, the server 2025-11-25 or older",
  ],
])("%s to a server of the other era fails with words that name both", async (method, params, code, words) => {
  const { agent } = await start((_seen, reply) =>
    reply.status(400, { jsonrpc: "2.0", id: null, error: { code, message: "no", data: { supported: ["x"] } } }),
  );
  expect(errorOf(await agent.ask(method, params))).toMatchObject({ message: expect.stringContaining(words) });
});

test.each([
  [401, {}, -31003, /wants credentials/],
  [403, {}, -31003, /does not let this caller in \(check the tailnet.s grants/],
  [502, {}, -31003, /cannot reach it/],
  [400, { jsonrpc: "2.0", id: null, error: { code: -32602, message: "server says no" } }, -32602, /^server says no$/],
])("HTTP %d becomes an error of the one request", async (status, body, code, words) => {
  const { agent } = await start(
    calls((seen, reply) => (seen.body.method === "ping" ? reply.json({}) : reply.status(status, body))),
  );
  await agent.initialize();
  const error = errorOf(await agent.ask("tools/call", { name: "t" }));
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect(await agent.ask("ping")).toMatchObject({ result: {} });
});

test("the bridge waits for a server that comes late, and tells the layer when it does not come", async () => {
  const port = await freePort();
  const bridge = startBridge({ urls: [`http://127.0.0.1:${port}/mcp`], connectTimeoutMs: 200, ...hasty });
  cleanups.push(bridge);
  const agent = rawAgent(bridge);
  await agent.initialize();
  const failed = await agent.ask("tools/call", { name: "t" });
  expect(errorOf(failed)).toMatchObject({ code: -31001, data: { layer: "connect", target: `127.0.0.1:${port}` } });
});

test("the bridge waits until its proxy is there", async () => {
  const server = await startScriptedServer(calls((_seen, reply) => reply.json({ ok: true })));
  cleanups.push(server);
  const port = await freePort();
  const bridge = startBridge({
    urls: ["http://node.tail.ts.net:8080/mcp"],
    proxy: `http://127.0.0.1:${port}`,
    connectTimeoutMs: 5_000,
  });
  cleanups.push(bridge);
  const agent = rawAgent(bridge);
  const initialized = agent.initialize();
  while (!bridge.log.some((line) => line.includes("waiting for the server"))) await new Promise(setImmediate);
  const proxy = await startFakeProxy({ names: { "node.tail.ts.net": server.port }, port });
  cleanups.push(proxy);
  expect((await initialized).result).toBeDefined();
  expect(proxy.asked).toContain("connect node.tail.ts.net:8080");
});

test("a name that the proxy does not know is told with the proxy's own words", async () => {
  const proxy = await startFakeProxy();
  cleanups.push(proxy);
  const bridge = startBridge({
    urls: ["https://gone.ts.net:8443/mcp"],
    proxy: `127.0.0.1:${proxy.port}`,
    connectTimeoutMs: 100,
    ...hasty,
  });
  cleanups.push(bridge);
  const agent = rawAgent(bridge);
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/call", { name: "t" }))).toMatchObject({
    code: -31001,
    message: expect.stringContaining("lookup gone.ts.net: no such host"),
    data: { layer: "name" },
  });
});

test("a URL without a path finds the server at the second place", async () => {
  const server = await startScriptedServer((seen, reply) => {
    if (seen.path === "/mcp") return reply.status(404);
    if (!answerRoutine(seen, reply)) reply.json({});
  });
  cleanups.push(server);
  const bridge = startBridge({ urls: [server.url, server.url.replace(/mcp$/, "")] });
  cleanups.push(bridge);
  const agent = rawAgent(bridge);
  expect((await agent.initialize()).result).toBeDefined();
  await agent.ask("tools/list");
  expect(server.seen.filter(({ body }) => body.method === "tools/list").map(({ path }) => path)).toEqual(["/"]);
});

test("a redirect is followed on the same server only", async () => {
  const { server, agent } = await start((seen, reply) => {
    if (seen.path === "/mcp/") return void (answerRoutine(seen, reply) || reply.json({ ok: true }));
    reply.status(307);
  });
  expect(errorOf(await agent.ask("initialize", {}))).toMatchObject({ data: { status: 307 } });
  expect(server.seen).toHaveLength(1);
});

test("lines that are no message get an error, and the next one is served", async () => {
  const { bridge, agent } = await start(
    calls((_seen, reply) => reply.json({ ok: true })),
    { maxMessageBytes: 1_000 },
  );
  await agent.initialize();
  agent.send("{not json");
  expect(await agent.next(({ id }) => id === null)).toMatchObject({ error: { code: -32700 } });
  agent.send("[]");
  expect(await agent.next(({ id }) => id === null)).toMatchObject({ error: { code: -32600 } });
  agent.send({ id: "big", method: "tools/call", params: { name: "x".repeat(2_000) } });
  expect(await agent.next(({ id }) => id === "big")).toMatchObject({ error: { code: -31004 } });
  bridge.stdin.write(Buffer.from([0xff, 0x0a, 0x0a]));
  expect(await agent.next(({ id }) => id === null)).toMatchObject({ error: { code: -32700 } });
  expect(await agent.ask("tools/list")).toMatchObject({ result: { ok: true } });
});

test("each message of a batch gets its own answer, and what is none in it an error", async () => {
  const { agent } = await start(calls((seen, reply) => reply.json({ did: seen.body.method })));
  await agent.initialize();
  const request = (id: string, method: string) => ({ jsonrpc: "2.0", id, method });
  agent.send(JSON.stringify([request("a", "tools/list"), request("b", "ping"), [request("c", "ping")], 7]));
  expect(await agent.next(({ id }) => id === "a")).toMatchObject({ result: { did: "tools/list" } });
  expect(await agent.next(({ id }) => id === "b")).toMatchObject({ result: { did: "ping" } });
  for (const _ of [1, 2]) expect(await agent.next(({ id }) => id === null)).toMatchObject({ error: { code: -32600 } });
  agent.send(`[${"1,".repeat(1_000)}1]`);
  expect(await agent.next(({ id }) => id === null)).toMatchObject({ error: { message: "a batch is not allowed" } });
  expect(await agent.ask("ping")).toMatchObject({ result: { did: "ping" } });
  expect(agent.unread).toEqual([]);
});

test.each(["json", "stream"] as const)(
  "a %s answer over the limit becomes an error of the one request",
  async (how) => {
    const { agent } = await start(
      calls((seen, reply) => {
        if (seen.body.method === "ping") return reply.json({});
        if (how === "json") return reply.json({ text: "x".repeat(5_000) });
        reply.stream().event({ id: seen.body.id, result: { text: "x".repeat(5_000) } });
      }),
      { maxMessageBytes: 1_000 },
    );
    await agent.initialize();
    expect(errorOf(await agent.ask("tools/call", { name: "t" }))).toMatchObject({ code: -31004 });
    expect(await agent.ask("ping")).toMatchObject({ result: {} });
  },
);

test.each([
  ["text that is not JSON", "data: garbage\n\n"],
  ["an answer to somebody else", 'data: {"jsonrpc":"2.0","id":"other","result":{}}\n\n'],
  ["nothing", ""],
])("a stream with %s ends as an error of the one request", async (_name, text) => {
  const { agent } = await start(
    calls((_seen, reply) => {
      const stream = reply.stream();
      stream.write(text);
      stream.end();
    }),
  );
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/call", { name: "t" }))).toMatchObject({ code: -31002 });
  expect(agent.stray).toEqual([]);
});

test("an answer written on many lines reaches the agent on one", async () => {
  const { agent } = await start(
    calls((seen, reply) => {
      const stream = reply.stream();
      const pretty = JSON.stringify({ jsonrpc: "2.0", id: seen.body.id, result: { a: "b\nc" } }, null, 2);
      stream.write(
        `${pretty
          .split("\n")
          .map((line) => `data: ${line}`)
          .join("\r\n")}\r\n\r\n`,
      );
    }),
  );
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { a: "b\nc" } });
  expect(agent.stray).toEqual([]);
});

test("an answer that takes longer than the call time-out becomes an error", async () => {
  const { agent } = await start(
    calls(() => {}),
    { callTimeoutMs: 100 },
  );
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/call", { name: "t" }))).toMatchObject({
    code: -31005,
    data: { mayHaveRun: true },
  });
});

test("a stream that stalls behind its first words runs into the call time-out too", async () => {
  const { agent } = await start(
    calls((_seen, reply) => reply.stream().event({ method: "notifications/progress", params: {} })),
    { callTimeoutMs: 100 },
  );
  await agent.initialize();
  expect(errorOf(await agent.ask("tools/call", { name: "t" }))).toMatchObject({ code: -31005 });
});

test("more calls than allowed at once wait, and all are answered", async () => {
  let open = 0;
  let most = 0;
  const { agent } = await start(
    calls((_seen, reply) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        reply.json({ ok: true });
      }, 5);
    }),
    { maxInFlight: 4 },
  );
  await agent.initialize();
  const answers = await Promise.all(Array.from({ length: 40 }, () => agent.ask("tools/call", { name: "t" })));
  expect(answers.every(({ result }) => result !== undefined)).toBe(true);
  expect(most).toBe(4);
});

test("headers with a secret from the environment go to the server, and the secret to no log", async () => {
  const server = await startScriptedServer(calls((_seen, reply) => reply.json({})));
  cleanups.push(server);
  const bridge = startBridge(
    { urls: [server.url], headers: [`Authorization: Bearer $\{env:TOKEN}`] },
    { TOKEN: "s3cret-value" },
  );
  cleanups.push(bridge);
  await rawAgent(bridge).initialize();
  expect(server.seen[0]?.headers.authorization).toBe("Bearer s3cret-value");
  expect(bridge.log.join("")).not.toContain("s3cret");
});

test("a secret that the server repeats reaches neither the agent nor the log, wherever it stands", async () => {
  const server = await startScriptedServer((seen, reply) => {
    if (answerRoutine(seen, reply)) return;
    const said = `no: ${String(seen.headers.authorization)}`;
    const error = { code: -32099, message: said, data: { said } };
    const name = (seen.body.params as { name?: string } | undefined)?.name;
    if (name === "refusal") return reply.status(400, { jsonrpc: "2.0", id: seen.body.id, error });
    if (name === "result") return reply.json({ isError: true, content: [{ type: "text", text: said }] });
    const stream = reply.stream();
    stream.event({ method: "notifications/message", params: { level: "error", data: said } });
    stream.event({ id: said, result: {} });
    stream.event({ id: seen.body.id, error });
    stream.end();
  });
  cleanups.push(server);
  const bridge = startBridge(
    { urls: [server.url], headers: [`Authorization: Bearer $\{env:TOKEN}`] },
    { TOKEN: "s3cret-value" },
  );
  cleanups.push(bridge);
  const agent = rawAgent(bridge);
  await agent.initialize();
  const said = [];
  for (const name of ["refusal", "result", "stream"]) said.push(await agent.ask("tools/call", { name }));
  said.push(await agent.next(({ method }) => method === "notifications/message"));
  for (const one of said) expect(JSON.stringify(one)).toContain("no: Bearer [secret]");
  expect(bridge.log.join("")).toContain("nobody asked");
  expect(bridge.log.join("")).not.toContain("s3cret");
});

test("a server that may not be dialled is not, and the bridge ends with the reason", async () => {
  const server = await startScriptedServer(() => {});
  cleanups.push(server);
  const refused = new TsmcpError({ code: "server-foreign", message: "not in this node's tailnet" });
  const bridge = startBridge({ urls: [server.url], admit: () => Promise.reject(refused) });
  await expect(bridge.ended).rejects.toBe(refused);
  expect(server.connections).toBe(0);
});

test("a server that may be dialled only later is waited for, and the bridge goes on", async () => {
  const server = await startScriptedServer(calls((_seen, reply) => reply.json({ ok: true })));
  cleanups.push(server);
  let asked = 0;
  const admit = async (): Promise<void> => {
    asked += 1;
    if (asked < 3) throw new TsmcpError({ code: "dial-failed", message: "not yet", facts: { layer: "tailscaled" } });
  };
  const bridge = startBridge({ urls: [server.url], admit });
  cleanups.push(bridge);
  expect((await rawAgent(bridge).initialize()).result).toBeDefined();
  expect(asked).toBe(3);
});

test.each([
  [{ urls: ["ftp://x/"] as const }, "usage-invalid"],
  [{ urls: ["https://a/mcp", "https://b/mcp"] as const }, "usage-invalid"],
  [{ urls: ["https://a/mcp"] as const, proxy: "ftp://x" }, "usage-invalid"],
  [{ urls: ["https://a/mcp"] as const, headers: ["Authorization: Bearer x"] }, "secret-invalid"],
])("the bridge refuses %j before it sends anything", async (options, code) => {
  await expect(startBridge(options).ended).rejects.toMatchObject({ code });
});
