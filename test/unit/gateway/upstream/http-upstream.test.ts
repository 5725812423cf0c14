import { describe, expect, it, onTestFinished } from "vitest";
import { silentLog } from "../../../../src/core/log.ts";
import { createHttpUpstream, type HttpUpstreamOptions } from "../../../../src/gateway/upstream/http/http-upstream.ts";
import type { Upstream, UpstreamCaller } from "../../../../src/gateway/upstream/upstream.ts";
import type { Message } from "../../../../src/mcp/message.ts";
import {
  answerRoutine,
  type Reply,
  type ScriptedServer,
  type Seen,
  startScriptedServer,
} from "../../../fakes/mcp-server.ts";
import {
  callerNamed,
  callOf,
  initialize,
  openSession,
  request,
  textOf,
  toolCall,
} from "../../../fakes/upstream-caller.ts";

const modern = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const good = { content: [{ type: "text", text: "good" }] };

async function serve(script: (seen: Seen, reply: Reply) => void, port?: number): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, "http", port);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function upstreamAt(url: string, options: Partial<HttpUpstreamOptions> = {}): Upstream {
  const upstream = createHttpUpstream({
    ...{ name: "wiki", log: silentLog, url: new URL(url), headers: [], proxy: undefined, env: {}, tellsCaller: false },
    connectTimeoutMs: 2_000,
    limits: { openingMs: 5_000, answerMs: 10_000, briefMs: 2_000 },
    ...options,
  });
  onTestFinished(() => upstream.close());
  return upstream;
}

const calls = (server: ScriptedServer, method: string) => server.seen.filter(({ body }) => body.method === method);

describe("an HTTP upstream of the legacy era", () => {
  it("opens a session with the caller's own words, and sends nothing of the caller's HTTP", async () => {
    const server = await serve((seen, reply) => answerRoutine(seen, reply) || reply.json(good));
    const upstream = upstreamAt(server.url, { headers: [["authorization", "Bearer gateway"]] });
    expect(upstream.state()).toBe("idle");
    const session = await openSession(upstream, "ann");
    expect(textOf(await session.request(toolCall("a", "x"), callOf("ann")))).toBe("good");
    expect(upstream.state()).toBe("ready");
    expect(calls(server, "initialize")[0]?.body.params).toEqual(initialize.params);
    const { headers } = calls(server, "tools/call")[0] ?? {};
    expect(Object.keys(headers ?? {}).toSorted()).toEqual([
      ...["accept", "authorization", "connection", "content-length", "content-type", "host"],
      ...["mcp-protocol-version", "mcp-session-id"],
    ]);
    expect(headers).toMatchObject({
      authorization: "Bearer gateway",
      "mcp-session-id": "session-1",
      "mcp-protocol-version": "2025-11-25",
    });
    await session.end();
    // Not the last one seen: notifications/initialized goes on a connection of its own, and nobody waits for it.
    const ended = server.seen.filter(({ httpMethod }) => httpMethod === "DELETE");
    expect(ended).toMatchObject([{ headers: { "mcp-session-id": "session-1" } }]);
  });

  it.for([
    ["404", 404, undefined],
    [
      "400 with a word of the session",
      400,
      { jsonrpc: "2.0", id: null, error: { code: -32000, message: "Bad Request: No valid session ID provided" } },
    ],
  ] as const)("opens one new session, unseen, when 20 calls are refused with %s", async ([, status, body]) => {
    let current = 1;
    const ran: unknown[] = [];
    const server = await serve((seen, reply) => {
      const session = `session-${current}`;
      if (
        seen.httpMethod === "POST" &&
        seen.body.method !== "initialize" &&
        seen.headers["mcp-session-id"] !== session
      ) {
        return reply.status(status, body);
      }
      if (answerRoutine(seen, reply, session)) return;
      if (seen.body.method === "tools/call") ran.push(seen.body.id);
      reply.json(good);
    });
    const upstream = upstreamAt(server.url);
    const session = await openSession(upstream, "ann");
    await session.request(request(1, "resources/subscribe", { uri: "file:///a" }), callOf("ann"));
    await session.request(request(2, "logging/setLevel", { level: "info" }), callOf("ann"));
    current = 2;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, id) => session.request(toolCall(id, "x"), callOf("ann"))),
    );
    expect(answers.map(textOf)).toEqual(Array(20).fill("good"));
    expect(ran.toSorted((one, other) => Number(one) - Number(other))).toEqual(
      Array.from({ length: 20 }, (_, id) => id),
    );
    expect(calls(server, "initialize")).toHaveLength(2);
    const restored = server.seen
      .filter(({ headers }) => headers["mcp-session-id"] === "session-2")
      .map(({ body: { method } }) => method);
    expect(restored.slice(0, 3)).toEqual(["notifications/initialized", "logging/setLevel", "resources/subscribe"]);
    const gone = await session.request(request(3, "tools/list", { cursor: "x" }), callOf("ann"));
    expect(textOf(gone)).toContain("good");
    current = 3;
    const cursor = await session.request(request(4, "tools/list", { cursor: "x" }), callOf("ann"));
    expect(textOf(cursor)).toContain("cursor");
  });

  it("takes up a session by its handle alone, and opens it again if the server lost it meanwhile", async () => {
    const server = await serve((seen, reply) => {
      if (seen.body.method === "tools/call" && seen.headers["mcp-session-id"] === "lost") return reply.status(404);
      if (!answerRoutine(seen, reply, "session-9")) reply.json(good);
    });
    const first = upstreamAt(server.url);
    const { handle } = await openSession(first, "ann");
    const second = upstreamAt(server.url);
    const again = second.resume(handle, callerNamed("ann"));
    expect(again && textOf(await again.request(toolCall(1, "x"), callOf("ann")))).toBe("good");
    expect(calls(server, "initialize")).toHaveLength(1);
    const lost = second.resume(handle.replace("session-9", "lost"), callerNamed("ann"));
    expect(lost && textOf(await lost.request(toolCall(1, "x"), callOf("ann")))).toBe("good");
    expect(calls(server, "initialize")).toHaveLength(2);
    expect(calls(server, "initialize")[1]?.body.params).toEqual(initialize.params);
    expect(second.resume(handle, callerNamed("bob"))).toBeUndefined();
    for (const text of ["", "[]", "{}", '{"params":{}}'])
      expect(second.resume(text, callerNamed("ann"))).toBeUndefined();
  });

  it("gives up when the server does not know the session that it just opened", async () => {
    const server = await serve((seen, reply) => {
      if (seen.body.method === "tools/call") reply.status(404);
      else answerRoutine(seen, reply);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    expect(textOf(await session.request(toolCall(1, "x"), callOf("ann")))).toMatch(
      /^-31003 .*does not know the session that it just opened$/,
    );
    expect(calls(server, "initialize")).toHaveLength(2);
  });

  it("passes on what comes before the answer, and resumes a stream that broke off", async () => {
    const step = { method: "notifications/progress", params: { progressToken: 1, progress: 1 } };
    const server = await serve((seen, reply) => {
      if (seen.httpMethod === "GET" && seen.headers["last-event-id"] === "e1") {
        return reply.stream().write(`data: ${JSON.stringify({ jsonrpc: "2.0", id: 7, result: good })}\n\n`);
      }
      if (answerRoutine(seen, reply)) return;
      const stream = reply.stream();
      stream.write(`retry: 10\nid: e1\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...step })}\n\n`);
      stream.end();
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    const heard: Message[] = [];
    const answer = await session.request(
      toolCall(7, "x"),
      callOf("ann", (message) => heard.push(message)),
    );
    expect(textOf(answer)).toBe("good");
    expect(heard).toMatchObject([step]);
    expect(calls(server, "tools/call")).toHaveLength(1);
  });

  it("listens in the new session after the server forgot the old one, and says so where there is no stream", async () => {
    let current = 1;
    const streams: ReturnType<Reply["stream"]>[] = [];
    const changed = { method: "notifications/tools/list_changed" };
    const server = await serve((seen, reply) => {
      if (seen.body.method === "initialize") return void answerRoutine(seen, reply, `session-${current}`);
      if (seen.headers["mcp-session-id"] !== `session-${current}`) return reply.status(404);
      if (seen.httpMethod !== "GET") return void (answerRoutine(seen, reply) || reply.json(good));
      const stream = reply.stream();
      streams.push(stream);
      stream.write(`id: e${current}\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...changed })}\n\n`);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    const stop = new AbortController();
    const heard: [string, string | undefined][] = [];
    const listening = session.listen({
      onMessage: (message, eventId) => heard.push(["method" in message ? message.method : "", eventId]),
      signal: stop.signal,
    });
    await expect.poll(() => heard.length).toBe(1);
    current = 2;
    expect(textOf(await session.request(toolCall(1, "x"), callOf("ann")))).toBe("good");
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toEqual([
      [changed.method, "e1"],
      [changed.method, "e2"],
    ]);
    stop.abort();
    expect(await listening).toBe("ended");
    const silent = await serve((seen, reply) => void answerRoutine(seen, reply));
    const mute = await openSession(upstreamAt(silent.url), "ann");
    expect(await mute.listen({ onMessage: () => {}, signal: new AbortController().signal })).toBe("refused");
  });

  it.for([
    ["its own stream is open", (reply: Reply) => reply.stream().write(": wait\n\n")],
    ["its POST has no answer at all", () => {}],
  ] as const)("takes an answer on the server's own stream for the call's, though %s", async ([, hold]) => {
    let own: ReturnType<Reply["stream"]> | undefined;
    const server = await serve((seen, reply) => {
      if (seen.httpMethod === "GET") own = reply.stream();
      else if (seen.body.method === "tools/call") hold(reply);
      else answerRoutine(seen, reply);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    const stop = new AbortController();
    const heard: Message[] = [];
    const listening = session.listen({ onMessage: (message) => heard.push(message), signal: stop.signal });
    await server.saw(({ httpMethod }) => httpMethod === "GET");
    const answer = session.request(toolCall("c", "x"), callOf("ann"));
    await server.saw(({ body: { method } }) => method === "tools/call");
    own?.event({ id: "nobody's", result: { of: "another" } });
    own?.event({ id: "c", result: good });
    own?.event({ id: "c", result: { content: [{ type: "text", text: "twice" }] } });
    own?.event({ method: "notifications/message", params: { level: "info", data: "after" } });
    expect(textOf(await answer)).toBe("good");
    await expect.poll(() => heard.length).toBe(1);
    // Whatever else had been passed on would be before it.
    expect(heard).toMatchObject([{ method: "notifications/message" }]);
    stop.abort();
    await listening;
  });

  it("is opened again when the connection broke under initialize", async () => {
    const server = await serve((seen, reply) => {
      if (seen.body.method === "initialize" && server.seen.length === 1) reply.stream().cut();
      else if (!answerRoutine(seen, reply)) reply.json(good);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    expect(textOf(await session.request(toolCall(1, "x"), callOf("ann")))).toBe("good");
    expect(calls(server, "initialize")).toHaveLength(2);
  });

  it("is told again what it must not miss, when the connection broke under it", async () => {
    let breaks = true;
    const server = await serve((seen, reply) => {
      const isAnswer = "result" in seen.body;
      if ((seen.body.method === "notifications/initialized" || isAnswer) && breaks) {
        breaks = false;
        reply.stream().cut();
      } else if (!answerRoutine(seen, reply) && !isAnswer) reply.json(good);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    expect(textOf(await session.request(toolCall(1, "x"), callOf("ann")))).toBe("good");
    expect(server.seen.map(({ body }) => body.method)).toEqual([
      ...["initialize", "notifications/initialized", "notifications/initialized", "tools/call"],
    ]);
    breaks = true;
    session.respond({ kind: "response", id: "q", outcome: { result: {} } });
    await expect.poll(() => server.seen.filter(({ body }) => body.id === "q")).toHaveLength(2);
  });

  it("is asked nothing before it took what comes first", async () => {
    const held: Reply[] = [];
    const server = await serve((seen, reply) => {
      if (seen.body.method === "notifications/initialized" && seen.headers["mcp-session-id"] === "slow") {
        held.push(reply);
      } else if (!answerRoutine(seen, reply, held.length === 0 ? "slow" : "quick")) reply.json(good);
    });
    const upstream = upstreamAt(server.url);
    const slow = await openSession(upstream, "ann");
    const answer = slow.request(toolCall(1, "late"), callOf("ann"));
    await server.saw(({ body: { method } }) => method === "notifications/initialized");
    const quick = await openSession(upstream, "bob");
    expect(textOf(await quick.request(toolCall(1, "early"), callOf("bob")))).toBe("good");
    expect(calls(server, "tools/call").map(({ body }) => body.params)).toMatchObject([{ name: "early" }]);
    held[0]?.status(202);
    expect(textOf(await answer)).toBe("good");
  });

  it.for([
    ["keeps the stream", (reply: Reply) => reply.stream().write(": wait\n\n")],
    ["says nothing", () => {}],
  ] as const)("ends a call that its caller cancels, where the server %s", async ([, hold]) => {
    const server = await serve((seen, reply) => {
      if (seen.body.method === "tools/call") hold(reply);
      else answerRoutine(seen, reply);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    const answer = session.request(toolCall("c", "x"), callOf("ann"));
    await server.saw(({ body: { method } }) => method === "tools/call");
    const params = { requestId: "c", reason: "no more" };
    session.notify({ kind: "notification", method: "notifications/cancelled", params });
    expect(textOf(await answer)).toMatch(/"wiki" was told by the caller not to go on$/);
    const { body } = await server.saw((seen) => seen.body.method === "notifications/cancelled");
    expect(body.params).toEqual(params);
  });

  it("tells who calls only where that is wanted, in the words of tailscale serve", async () => {
    const server = await serve((seen, reply) => answerRoutine(seen, reply) || reply.json(good));
    const upstream = upstreamAt(server.url, { tellsCaller: true });
    const alice: UpstreamCaller = {
      ...callerNamed("ann"),
      name: "Anna Müller",
      picture: "https://p/1.png\r\nX-Evil: 1",
    };
    const tagged: UpstreamCaller = { ...callerNamed("bot"), login: undefined, tags: ["tag:agent"] };
    const posing: UpstreamCaller = { ...callerNamed("eve"), login: "=?utf-8?q?ann=40example.com?=" };
    for (const caller of [alice, tagged, posing]) {
      const opening = await upstream.open(initialize, { ...callOf("x"), caller });
      if (opening.kind === "opened") await opening.session.request(toolCall(1, "x"), { ...callOf("x"), caller });
    }
    const [first, ...others] = calls(server, "tools/call");
    expect(first?.headers).toMatchObject({
      "tailscale-user-login": "ann@example.com",
      "tailscale-user-name": "=?utf-8?q?Anna_M=C3=BCller?=",
      "tailscale-user-profile-pic": "",
    });
    expect(others).toHaveLength(2);
    for (const { headers } of others) {
      expect(Object.keys(headers).filter((name) => name.startsWith("tailscale"))).toEqual([]);
    }
  });
});

describe("an HTTP upstream that fails", () => {
  it.for([
    ["hangs up", (_seen: Seen, reply: Reply) => reply.stream().cut(), /^-31002 .*it may have run$/],
    ["answers 500", (_seen: Seen, reply: Reply) => reply.status(500), /^-31003 .*HTTP 500; it may have run$/],
    ["answers 401 with a text", (_seen: Seen, reply: Reply) => reply.status(401), /^-31003 .*HTTP 401$/],
    [
      "answers its own error",
      (_seen: Seen, reply: Reply) =>
        reply.status(400, { jsonrpc: "2.0", id: 1, error: { code: -32602, message: "its own" } }),
      /^-32602 its own$/,
    ],
    ["answers 202", (_seen: Seen, reply: Reply) => reply.status(202), /^-31007 .*gave no answer$/],
    [
      "answers another question",
      (seen: Seen, reply: Reply) => {
        seen.body.id = "other";
        reply.json(good);
      },
      /^-31007 .*belongs to no question/,
    ],
    [
      "answers with too much",
      (_seen: Seen, reply: Reply) => reply.json({ content: [{ type: "text", text: "x".repeat(33 * 1024 * 1024) }] }),
      /^-31004 .*33554432 bytes/,
    ],
    [
      "streams too much",
      (seen: Seen, reply: Reply) =>
        reply.stream().event({ id: seen.body.id, result: { text: "x".repeat(33 * 1024 * 1024) } }),
      /^-31004 .*too large/,
    ],
  ] as const)("and %s fails that call alone, and runs it once", async ([, does, told]) => {
    const server = await serve((seen, reply) => {
      if (answerRoutine(seen, reply)) return;
      const { name } = seen.body.params as { name: string };
      if (name === "good") reply.json(good);
      else does(seen, reply);
    });
    const session = await openSession(upstreamAt(server.url), "ann");
    expect(textOf(await session.request(toolCall(1, "evil"), callOf("ann")))).toMatch(told);
    expect(textOf(await session.request(toolCall(1, "good"), callOf("ann")))).toBe("good");
    expect(calls(server, "tools/call")).toHaveLength(2);
  });

  it("is given up when it does not answer in time, and told so; a stream that lives is not", async () => {
    const streams: { finish: () => void }[] = [];
    const server = await serve((seen, reply) => {
      if (answerRoutine(seen, reply)) return;
      const { name } = seen.body.params as { name: string };
      if (name !== "stream") return;
      const stream = reply.stream();
      stream.write(": open\n\n");
      streams.push({ finish: () => stream.event({ id: seen.body.id, result: good }) });
    });
    const upstream = upstreamAt(server.url, { limits: { openingMs: 5_000, answerMs: 150, briefMs: 2_000 } });
    const session = await openSession(upstream, "ann");
    const streaming = session.request(toolCall(2, "stream"), callOf("ann"));
    const silent = await session.request(toolCall(1, "silent"), callOf("ann"));
    expect(textOf(silent)).toMatch(/^-31005 .*did not answer within 150 ms; it may have run$/);
    const { body } = await server.saw((seen) => seen.body.method === "notifications/cancelled");
    expect(body.params).toEqual({ requestId: 1, reason: "timeout" });
    streams[0]?.finish();
    expect(textOf(await streaming)).toBe("good");
  });

  it("is waited for while it is started again, and told to be down at once when it stays away", async () => {
    const server = await startScriptedServer((seen, reply) => void (answerRoutine(seen, reply) || reply.json(good)));
    const upstream = upstreamAt(server.url);
    const session = await openSession(upstream, "ann");
    await session.request(toolCall(1, "x"), callOf("ann"));
    await server[Symbol.asyncDispose]();
    // Harmless, so it goes again though the old connection broke under it; the call waits for a way.
    const waiting = session.request(request(2, "tools/list"), callOf("ann"));
    await expect.poll(() => upstream.state()).toBe("failing");
    const calling = session.request(toolCall(3, "x"), callOf("ann"));
    const again = await serve((seen, reply) => void (answerRoutine(seen, reply) || reply.json(good)), server.port);
    expect(textOf(await waiting)).toBe("good");
    expect(textOf(await calling)).toBe("good");
    expect(calls(again, "tools/call")).toHaveLength(1);
    await again[Symbol.asyncDispose]();
    await session.request(request(4, "tools/list"), callOf("ann"));
    expect(textOf(await session.request(toolCall(5, "x"), callOf("ann")))).toBe(
      '-31001 tsmcp: the server "wiki" cannot be reached',
    );
    const opening = await upstream.open(initialize, callOf("ann"));
    expect(opening).toMatchObject({ kind: "refused", error: { code: -31001 } });
  });

  it("ends a request when its caller leaves", async () => {
    const server = await serve((seen, reply) => void answerRoutine(seen, reply));
    const session = await openSession(upstreamAt(server.url), "ann");
    const gone = new AbortController();
    const call = session.request(
      toolCall(1, "x"),
      callOf("ann", () => {}, gone.signal),
    );
    await server.saw(({ body }) => body.method === "tools/call");
    gone.abort(new Error("left"));
    await expect(call).rejects.toThrow("left");
  });
});

describe("an HTTP upstream of the modern era", () => {
  const ask = (id: string | number, method: string, params: Record<string, unknown> = {}) =>
    request(id, method, { ...params, _meta: modern });

  it("says in the headers what the body says, and learns which arguments go there too", async () => {
    const tool = {
      name: "q",
      inputSchema: { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" } } },
    };
    const server = await serve((seen, reply) => {
      if (seen.body.method === "tools/list") return reply.json({ resultType: "complete", tools: [tool] });
      if (seen.headers["mcp-param-region"] !== "eu") {
        return reply.status(400, {
          jsonrpc: "2.0",
          id: seen.body.id,
          error: { code: -32020, message: "Header mismatch" },
        });
      }
      reply.json({ resultType: "complete", ...good });
    });
    const upstream = upstreamAt(server.url);
    const call = ask(1, "tools/call", { name: "q", arguments: { region: "eu" } });
    expect(textOf(await upstream.request(call, callOf("ann")))).toBe("good");
    expect(server.seen.map(({ body }) => body.method)).toEqual(["tools/call", "tools/list", "tools/call"]);
    expect(server.seen.at(-1)?.headers).toMatchObject({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "q",
    });
    expect(textOf(await upstream.request(call, callOf("ann")))).toBe("good");
    expect(server.seen).toHaveLength(4);
  });

  it("keeps a subscription's stream until its caller leaves", async () => {
    const changed = {
      method: "notifications/tools/list_changed",
      params: { _meta: { "io.modelcontextprotocol/subscriptionId": "s" } },
    };
    const server = await serve((_seen, reply) => reply.stream().event(changed));
    const gone = new AbortController();
    const heard: Message[] = [];
    const listen = ask("s", "subscriptions/listen", { notifications: { toolsListChanged: true } });
    const listening = upstreamAt(server.url).request(
      listen,
      callOf("ann", (message) => heard.push(message), gone.signal),
    );
    await expect.poll(() => heard).toMatchObject([changed]);
    gone.abort(new Error("left"));
    await expect(listening).rejects.toThrow("left");
  });

  it("names both eras to a caller of the other one", async () => {
    const legacy = await serve((_seen, reply) =>
      reply.status(400, {
        jsonrpc: "2.0",
        id: null,
        error: { code: -32000, message: "Bad Request: Server not initialized" },
      }),
    );
    const newer = await serve((seen, reply) =>
      reply.status(400, {
        jsonrpc: "2.0",
        id: seen.body.id,
        error: { code: -32022, message: "Unsupported protocol version" },
      }),
    );
    const upstream = upstreamAt(legacy.url);
    expect(textOf(await upstream.request(ask(1, "tools/call", { name: "x" }), callOf("ann")))).toMatch(
      /2026-07-28, the server 2025-11-25 or older/,
    );
    expect(textOf(await upstream.request(ask(1, "server/discover"), callOf("ann")))).toBe("-32601 Method not found");
    const opening = await upstreamAt(newer.url).open(initialize, callOf("ann"));
    expect(opening).toMatchObject({ kind: "refused", error: { code: -32022 } });
    expect(opening.kind === "refused" && opening.error.message).toMatch(/2025-11-25 or older, the server only newer/);
  });
});
