import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/mcp/json.ts";
import { fakeUpstream } from "../../fakes/upstream.ts";
import {
  type Answer,
  agentAddress,
  aliceAddress,
  type Front,
  initialize,
  openSession,
  rpc,
  startFront,
  usualNodes,
} from "./front.ts";

const listings: Readonly<Record<string, JsonObject>> = {
  "tools/list": { tools: [{ name: "search" }, { name: "write" }], nextCursor: "page-2", _meta: { x: 1 } },
  "prompts/list": { prompts: [{ name: "search" }, { name: "write" }] },
  "resources/list": { resources: [{ uri: "notes://a/1" }, { uri: "notes://b/1" }] },
  "resources/templates/list": {
    resourceTemplates: [{ uriTemplate: "notes://a/{id}" }, { uriTemplate: "notes://b/{id}" }],
  },
  "tools/call": {
    content: [
      { type: "text", text: "t" },
      { type: "resource_link", uri: "notes://a/1", name: "a" },
      { type: "resource_link", uri: "notes://b/1", name: "b" },
    ],
  },
  "prompts/get": {
    messages: [
      { role: "user", content: { type: "resource_link", uri: "notes://b/1", name: "b" } },
      { role: "user", content: { type: "text", text: "t" } },
    ],
  },
  "resources/read": { contents: [{ uri: "notes://a/1", text: "t" }] },
  "completion/complete": { completion: { values: ["v"] } },
  "logging/setLevel": {},
  ping: {},
  "secrets/list": { secrets: ["s"] },
  "tasks/list": { tasks: ["s"] },
};

const rules = { rules: [{ who: ["tag:agent"], tools: ["search"], prompts: ["search"], resources: ["notes://a/*"] }] };

async function start() {
  const upstream = fakeUpstream("notes", listings);
  const front = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(front, agentAddress);
  const ask = (method: string, params?: object): Promise<Answer> =>
    front.send("private", { from: agentAddress, session, body: rpc(method, params) });
  return { upstream, front, session, ask };
}

describe("a caller with some rights", () => {
  test.each([
    ["tools/list", "tools", [{ name: "search" }]],
    ["prompts/list", "prompts", [{ name: "search" }]],
    ["resources/list", "resources", [{ uri: "notes://a/1" }]],
    ["resources/templates/list", "resourceTemplates", [{ uriTemplate: "notes://a/{id}" }]],
  ])("sees its own part of %s", async (method, key, items) => {
    const { ask } = await start();
    expect((await ask(method)).json).toMatchObject({ result: { [key]: items } });
  });

  test.each([
    ["tools/call", { name: "search" }],
    ["prompts/get", { name: "search" }],
    ["resources/read", { uri: "notes://a/1" }],
    ["resources/subscribe", { uri: "notes://a/1" }],
    ["completion/complete", { ref: { type: "ref/prompt", name: "search" }, argument: { name: "a", value: "v" } }],
    [
      "completion/complete",
      { ref: { type: "ref/resource", uri: "notes://a/{id}" }, argument: { name: "a", value: "v" } },
    ],
    ["logging/setLevel", { level: "info" }],
    ["ping", undefined],
  ])("reaches the upstream with %s", async (method, params) => {
    const { ask, upstream } = await start();
    await ask(method, params);
    expect(upstream.reached.at(-1)).toMatchObject({ what: "request", message: { method, params } });
  });

  test.each([
    ["tools/call", { name: "write" }, 403],
    ["tools/call", { Name: "search" }, -32602],
    ["tools/call", { name: ["search"] }, -32602],
    ["tools/call", undefined, -32602],
    ["prompts/get", { name: "write" }, 403],
    ["resources/read", { uri: "notes://b/1" }, 403],
    ["resources/read", { uri: "notes://a/../b/1" }, 403],
    ["resources/read", { uri: "ui://search/page" }, 403],
    ["resources/subscribe", { uri: "notes://b/1" }, 403],
    ["resources/unsubscribe", { uri: "notes://b/1" }, 403],
    ["completion/complete", { ref: { type: "ref/prompt", name: "write" }, argument: {} }, 403],
    ["completion/complete", { ref: { type: "ref/resource", uri: "notes://b/{id}" }, argument: {} }, 403],
    ["completion/complete", { ref: { type: "ref/tool", name: "search" }, argument: {} }, -32602],
    ["secrets/list", {}, -32601],
    ["tasks/list", {}, -32601],
    ["tasks/get", { taskId: "1" }, -32602],
    ["server/discover", {}, -32601],
    ["subscriptions/listen", {}, -32601],
    ["skills/list", {}, -32601],
    ["resources/directory/read", { uri: "notes://a/1" }, -32601],
    ["constructor", {}, -32601],
    ["TOOLS/CALL", { name: "search" }, -32601],
  ])("does not reach the upstream with %s %j", async (method, params, code) => {
    const { ask, upstream } = await start();
    const before = upstream.reached.length;
    const { status, json } = await ask(method, params);
    expect({ status, json }).toMatchObject({ status: 200, json: { error: { code } } });
    expect(upstream.reached.length).toBe(before);
  });

  test("is shown no link that it could not follow", async () => {
    const { ask } = await start();
    expect((await ask("tools/call", { name: "search" })).json).toMatchObject({
      result: { content: [{ type: "text" }, { uri: "notes://a/1" }] },
    });
    expect((await ask("prompts/get", { name: "search" })).json).toMatchObject({
      result: { messages: [{ content: { type: "text" } }] },
    });
  });

  test("reads what it may of an answer that holds more than it asked for", async () => {
    const contents = ["notes://a/", "notes://b/1", "notes://a/1"].map((uri) => ({ uri, text: "t" }));
    const upstream = fakeUpstream("notes", { "resources/read": { contents: [...contents, { text: "t" }] } });
    const front = await startFront({ upstreams: [upstream], rules });
    const session = await openSession(front, agentAddress);
    const body = rpc("resources/read", { uri: "notes://a/" });
    const { json: read } = await front.send("private", { from: agentAddress, session, body });
    expect(read).toMatchObject({ result: { contents: [{ uri: "notes://a/" }, { uri: "notes://a/1" }] } });
  });

  test("sends on nothing that was not understood", async () => {
    const { ask, upstream } = await start();
    await ask("tools/call", { name: "search", arguments: { q: 1 }, secret: true, _meta: { progressToken: 7 } });
    expect(upstream.reached.at(-1)?.message).toEqual({
      kind: "request",
      id: 1,
      method: "tools/call",
      params: { name: "search", arguments: { q: 1 }, _meta: { progressToken: 7 } },
    });
  });

  test("gets a sealed cursor that comes back as it was, and is worth nothing to another caller", async () => {
    const { ask, upstream, front } = await start();
    const { result } = (await ask("tools/list")).json as { result: { nextCursor: string } };
    expect(result.nextCursor).not.toContain("page");
    await ask("tools/list", { cursor: result.nextCursor });
    expect(upstream.reached.at(-1)?.message).toMatchObject({ params: { cursor: "page-2" } });
    for (const cursor of ["page-2", `${result.nextCursor}x`])
      expect((await ask("tools/list", { cursor })).json).toMatchObject({ error: { code: -32602 } });
    front.gateway.update({ rules: [{ who: ["*"], tools: ["*"] }] });
    const session = await openSession(front, aliceAddress);
    const other = rpc("tools/list", { cursor: result.nextCursor });
    expect((await front.send("private", { from: aliceAddress, session, body: other })).json).toMatchObject({
      error: { code: -32602 },
    });
  });
});

test("an upstream's own page belongs to the tool that shows it", async () => {
  const tool = { name: "search", _meta: { ui: { resourceUri: "ui://search/page" } } };
  const hidden = { name: "write", _meta: { ui: { resourceUri: "ui://write/page" } } };
  const upstream = fakeUpstream("notes", {
    "tools/list": { tools: [tool, hidden] },
    "resources/read": { contents: [] },
  });
  const front = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(front, agentAddress);
  const read = async (uri: string): Promise<unknown> =>
    (await front.send("private", { from: agentAddress, session, body: rpc("resources/read", { uri }) })).json;
  await front.send("private", { from: agentAddress, session, body: rpc("tools/list") });
  expect(await read("ui://search/page")).toMatchObject({ result: { contents: [] } });
  expect(await read("ui://search/page2")).toMatchObject({ error: { code: 403 } });
  expect(await read("ui://write/page")).toMatchObject({ error: { code: 403 } });
});

test("initialize tells only what the gateway understands", async () => {
  const { front } = await start();
  const { json } = await front.send("private", { from: agentAddress, body: initialize });
  const extensions = { "io.modelcontextprotocol/ui": {} };
  expect(json).toHaveProperty("result.serverInfo.name", "notes");
  expect(json).toHaveProperty("result.capabilities", { tools: { listChanged: true }, extensions });
});

describe("what is refused before it is understood", () => {
  const json = ["content-type", "application/json"] as const;
  test.each([
    ["a doubled key", { body: '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}' }, 400],
    ["no JSON", { body: "{" }, 400],
    ["an empty batch", { body: [] }, 400],
    ["a batch where the version has none", { body: [rpc("ping")] }, 400],
    ["another content type", { body: rpc("ping"), headers: [["content-type", "text/plain"]] }, 415],
    ["a foreign page", { body: rpc("ping"), headers: [json, ["origin", "https://evil.example"]] }, 403],
    ["an upgrade", { body: rpc("ping"), headers: [json, ["upgrade", "websocket"], ["connection", "upgrade"]] }, 400],
    ["another path", { body: rpc("ping"), path: "/mcp/other" }, 404],
    ["a path written otherwise", { body: rpc("ping"), path: "/mcp/%6eotes" }, 404],
    ["a path with a query", { body: rpc("ping"), path: "/mcp/notes?x" }, 404],
    ["a method that is none", { method: "PUT", body: rpc("ping") }, 405],
    [
      "201 lines",
      { body: rpc("ping"), headers: [json, ...Array.from({ length: 200 }, () => ["a", "b"] as const)] },
      431,
    ],
    ["no Accept that fits", { body: rpc("ping"), headers: [json, ["accept", "text/html"]] }, 406],
    ["a header that says another method", { body: rpc("ping"), headers: [json, ["mcp-method", "tools/list"]] }, 400],
    ["a version nobody knows", { body: rpc("ping"), headers: [json, ["mcp-protocol-version", "2020-01-01"]] }, 400],
  ] as const)("%s", async (_what, ask, status) => {
    const { front, session, upstream } = await start();
    const before = upstream.reached.length;
    expect((await front.send("private", { from: agentAddress, session, ...ask })).status).toBe(status);
    expect(upstream.reached.length).toBe(before);
  });

  test("no session, another's, and one that was ended", async () => {
    const { front, session, upstream } = await start();
    front.gateway.update({});
    const list = rpc("tools/list");
    expect((await front.send("private", { from: agentAddress, body: list })).status).toBe(400);
    expect((await front.send("private", { from: agentAddress, session: "made-up", body: list })).status).toBe(404);
    expect((await front.send("private", { from: aliceAddress, session, body: list })).status).toBe(404);
    expect((await front.send("private", { from: aliceAddress, session, method: "DELETE" })).status).toBe(404);
    expect((await front.send("private", { from: agentAddress, session, method: "DELETE" })).status).toBe(200);
    expect(upstream.reached.at(-1)?.what).toBe("end");
    expect((await front.send("private", { from: agentAddress, session, body: list })).status).toBe(404);
  });
});

test("a batch of a version that has them is answered as one", async () => {
  const upstream = fakeUpstream("notes", listings);
  const front = await startFront({ upstreams: [upstream], rules });
  const opening = rpc("initialize", {
    protocolVersion: "2025-03-26",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  });
  const { headers } = await front.send("private", { from: agentAddress, body: opening });
  const session = String(headers["mcp-session-id"]);
  const body = [
    rpc("ping", undefined, 1),
    rpc("tools/call", { name: "write" }, 2),
    { jsonrpc: "2.0", method: "notifications/initialized" },
  ];
  const { json } = await front.send("private", { from: agentAddress, session, body });
  expect(json).toHaveLength(2);
  expect(json).toEqual(
    expect.arrayContaining([
      { jsonrpc: "2.0", id: 1, result: {} },
      expect.objectContaining({ id: 2, error: expect.anything() }),
    ]),
  );
});

describe("in the modern era", () => {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const modern = (
    front: Front,
    method: string,
    params: object,
    more: readonly (readonly [string, string])[] = [],
    from = agentAddress,
  ) =>
    front.send("private", {
      from,
      body: rpc(method, { ...params, _meta: meta }),
      headers: [
        ["content-type", "application/json"],
        ["accept", "application/json, text/event-stream"],
        ["mcp-protocol-version", "2026-07-28"],
        ["mcp-method", method],
        ...more,
      ],
    });

  test("lists are the caller's own and say so, without a session", async () => {
    const { front } = await start();
    const { status, json } = await modern(front, "tools/list", {});
    expect(status).toBe(200);
    expect(json).toMatchObject({ result: { tools: [{ name: "search" }], cacheScope: "private", ttlMs: 0 } });
  });

  test.each([
    ["the method's header is missing or another", "tools/list", {}, "mcp-method", 400, -32020],
    ["a name's header is missing", "tools/call", { name: "search" }, "", 400, -32020],
    ["nobody knows the method", "secrets/list", {}, "", 404, -32601],
    ["the method is of the other era", "initialize", {}, "", 404, -32601],
  ])("where %s, it is refused", async (_what, method, params, twiceHeader, status, code) => {
    const { front, upstream } = await start();
    const before = upstream.reached.length;
    const more = twiceHeader === "" ? [] : [[twiceHeader, "ping"] as const];
    const answer = await modern(front, method, params, more);
    expect(answer).toMatchObject({ status, json: { error: { code } } });
    expect(upstream.reached.length).toBe(before);
  });

  test("the body decides what is called", async () => {
    const { front } = await start();
    const denied = await modern(front, "tools/call", { name: "write" }, [["mcp-name", "write"]]);
    expect(denied).toMatchObject({ status: 200, json: { error: { code: 403 } } });
    const called = await modern(front, "tools/call", { name: "search" }, [["mcp-name", "search"]]);
    expect(called).toMatchObject({
      status: 200,
      json: { result: { content: [{ type: "text" }, { uri: "notes://a/1" }] } },
    });
  });
});

test("somebody who loses the rights in the middle of a call is not shown the answer", async () => {
  const nodes = usualNodes();
  let finish = (): void => {};
  const asked = new Promise<void>((resolve) => {
    const upstream = fakeUpstream("notes", {
      "tools/call": () =>
        new Promise((answer) => {
          finish = () => answer({ content: [{ type: "text", text: "secret" }] });
          resolve();
        }),
    });
    started = startFront({ upstreams: [upstream], rules: { rules: [{ who: ["tag:agent"], tools: ["*"] }] }, nodes });
  });
  const front = await started;
  const session = await openSession(front, agentAddress);
  const calling = front.send("private", { from: agentAddress, session, body: rpc("tools/call", { name: "search" }) });
  await asked;
  front.gateway.update({ rules: [{ who: ["tag:agent"], tools: ["other"] }] });
  finish();
  const answer = await calling;
  expect(answer.text).not.toContain("secret");
  expect(answer.json).toMatchObject({ error: { code: 403 } });
});

let started: Promise<Front>;
