import { expect, test } from "vitest";
import { silentLog } from "../../../../src/core/log.ts";
import { type Answers, fakeUpstream } from "../../../fakes/upstream.ts";
import { agentAddress, initialize, openSession, rpc, startFront } from "../front.ts";
import { pinOf } from "./pin.ts";

const search = {
  name: "search",
  inputSchema: { type: "object", properties: { q: { type: "string" } }, required: ["q"], additionalProperties: false },
};
const write = { name: "write", inputSchema: { type: "object" } };
const found = { content: [{ type: "text", text: "found" }] };
const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const methodNotFound = { code: -32601, message: "Method not found" };

async function start(answers: Answers = {}, { single = false } = {}) {
  const usual = { "tools/list": { tools: [search, write] }, "tools/call": found };
  const inner = fakeUpstream("notes", usual);
  const other = fakeUpstream("other", usual);
  const own = fakeUpstream("notes (public)", { ...usual, ...answers });
  const warned: string[] = [];
  const log = { ...silentLog, warn: (line: string) => void warned.push(line) };
  const front = await startFront({ upstreams: [inner, other, own], pins: [pinOf(search)], log, single });
  const call = (name: string, args: unknown, more: object = {}) =>
    front.send("public", { body: rpc("tools/call", { name, arguments: args, ...more }) });
  const calls = () => own.reached.filter(({ message }) => Object(message).method === "tools/call");
  return { front, inner, other, own, warned, call, calls };
}

test("the internet lists and calls what is opened, without a session", async () => {
  const { front, inner, call, calls } = await start();
  const opened = await front.send("public", { body: initialize });
  expect(opened.headers["mcp-session-id"]).toBeUndefined();
  const listed = await front.send("public", { body: rpc("tools/list") });
  expect(listed.json).toEqual({ jsonrpc: "2.0", id: 1, result: { tools: [search] } });
  expect((await call("search", { q: "x" }, { _meta: { progressToken: 1 }, task: { ttl: 1 } })).json).toEqual({
    jsonrpc: "2.0",
    id: 1,
    result: found,
  });
  const [reached] = calls();
  expect(reached).toMatchObject({ by: "public", message: { params: { name: "search", arguments: { q: "x" } } } });
  expect(Object.keys(Object(Object(reached?.message).params))).toEqual(["name", "arguments"]);
  expect(inner.reached).toEqual([]);
});

test("the modern era has the same tool, in its own words", async () => {
  const { front } = await start();
  const headers = (method: string, name?: string) =>
    [
      ["content-type", "application/json"],
      ["mcp-protocol-version", "2026-07-28"],
      ["mcp-method", method],
      ...(name === undefined ? [] : [["mcp-name", name] as const]),
    ] as const;
  const listed = await front.send("public", { body: rpc("tools/list", { _meta: meta }) });
  expect(listed.json).toMatchObject({ result: { tools: [search], cacheScope: "private", ttlMs: 0 } });
  const body = rpc("tools/call", { name: "search", arguments: { q: "x" }, _meta: meta });
  const called = await front.send("public", { body, headers: headers("tools/call", "search") });
  expect(called).toMatchObject({ status: 200, json: { result: { ...found, resultType: "complete" } } });
  const lying = await front.send("public", { body, headers: headers("tools/call", "write") });
  expect(lying).toMatchObject({ status: 400, json: { error: { code: -32020 } } });
});

test("everything else is refused as if nothing were open, and reaches nobody", async () => {
  const { front, inner, other, call, calls } = await start();
  const closed = await start();
  const refused = (await closed.front.send("public", { path: "/x", body: rpc("tools/call", { name: "search" }) })).text;
  const refusals = [
    await call("write", { q: "x" }),
    await call("Search", { q: "x" }),
    await call("__proto__", { q: "x" }),
    await front.send("public", { body: rpc("tools/call", { name: ["search"], arguments: { q: "x" } }) }),
    await front.send("public", { body: rpc("resources/read", { uri: "notes://a" }) }),
    ...(await Promise.all(
      ["/mcp/other", "/mcp", "/mcp/notes/", "/MCP/notes", "/mcp/notes?x", "/mcp/%6eotes", "/"].map((path) =>
        front.send("public", { path, body: rpc("tools/call", { name: "search", arguments: { q: "x" } }) }),
      ),
    )),
  ];
  for (const { status, text } of refusals) expect({ status, text }).toEqual({ status: 200, text: refused });
  for (const path of ["/mcp/other", "/mcp", "/"]) {
    const { json } = await front.send("public", { path, body: rpc("tools/list") });
    expect(json).toEqual({ jsonrpc: "2.0", id: 1, result: { tools: [] } });
  }
  expect([...inner.reached, ...other.reached, ...calls()]).toEqual([]);
});

test.each([
  ["a missing argument", {}],
  ["a wrong type", { q: 1 }],
  ["one that is not declared", { q: "x", admin: true }],
  ["no object", ["q"]],
])("arguments that the pin does not allow go nowhere: %s", async (_what, args) => {
  const { call, calls } = await start();
  expect((await call("search", args)).json).toMatchObject({ error: { code: -32602, message: "Invalid params" } });
  expect(calls()).toEqual([]);
});

test("a tool that is not what was pinned is closed and said, and opened again when it is", async () => {
  let live = search;
  const { front, own, warned, call, calls } = await start({ "tools/list": () => ({ tools: [live, write] }) });
  live = { ...search, inputSchema: { ...search.inputSchema, additionalProperties: true } };
  expect((await call("search", { q: "x" })).json).toMatchObject({ error: methodNotFound });
  const listed = async () => (await front.send("public", { body: rpc("tools/list") })).json;
  expect(await listed()).toMatchObject({ result: { tools: [] } });
  expect(calls()).toEqual([]);
  expect(warned.filter((line) => line.includes("is closed to the internet"))).toHaveLength(1);
  live = search;
  own.say({ kind: "notification", method: "notifications/tools/list_changed", params: {} });
  await expect.poll(listed).toMatchObject({ result: { tools: [search] } });
  expect((await call("search", { q: "x" })).json).toMatchObject({ result: found });
});

test("a server that comes back in the other era is asked in that one", async () => {
  let isModern = true;
  const own = fakeUpstream("notes (public)", {
    "server/discover": {},
    "tools/list": ({ params }) => {
      if ((params?._meta !== undefined) !== isModern) throw new Error("of the other era");
      return { tools: [search] };
    },
    "tools/call": found,
  });
  const open: typeof own.open = (request, call) =>
    isModern ? Promise.resolve({ kind: "refused", error: methodNotFound }) : own.open(request, call);
  const front = await startFront({ upstreams: [fakeUpstream("notes", {}), { ...own, open }], pins: [pinOf(search)] });
  const call = async () =>
    (await front.send("public", { body: rpc("tools/call", { name: "search", arguments: { q: "x" } }) })).json;
  expect(await call()).toMatchObject({ result: found });
  isModern = false;
  expect(await call()).toMatchObject({ error: { code: -32603 } });
  expect(await call()).toMatchObject({ result: found });
});

test("a tool that stands there twice is not the one that was pinned", async () => {
  const { call, calls } = await start({ "tools/list": { tools: [search, search] } });
  expect((await call("search", { q: "x" })).json).toMatchObject({ error: methodNotFound });
  expect(calls()).toEqual([]);
});

test("nothing of the server but the result gets out, and what it asks is refused", async () => {
  const { call, own } = await start({
    "tools/call": (_request, { onMessage }) => {
      onMessage({ kind: "notification", method: "notifications/progress", params: { progressToken: 1, progress: 1 } });
      onMessage({ kind: "notification", method: "notifications/message", params: { level: "info", data: "secret" } });
      onMessage({ kind: "request", id: 7, method: "sampling/createMessage", params: { messages: [] } });
      return { ...found, _meta: { secret: 1 } };
    },
  });
  const answer = await call("search", { q: "x" });
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.json).toEqual({ jsonrpc: "2.0", id: 1, result: found });
  expect(own.reached.filter(({ what }) => what === "respond")).toMatchObject([
    { message: { id: 7, outcome: { error: methodNotFound } } },
  ]);
});

test("what goes wrong behind is told in one constant form", async () => {
  const { call } = await start({
    "tools/call": () => {
      throw new Error("password=1");
    },
  });
  expect((await call("search", { q: "x" })).json).toEqual({
    jsonrpc: "2.0",
    id: 1,
    error: { code: -32603, message: "Internal error" },
  });
});

test("calls have a rate of their own, and lists go on beside them", async () => {
  const { front, call, calls } = await start();
  const startMs = performance.now();
  const answers = await Promise.all(Array.from({ length: 120 }, () => call("search", { q: "x" })));
  const seconds = (performance.now() - startMs) / 1_000;
  const passed = answers.filter(({ status }) => status === 200).length;
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(answers.length - passed);
  expect(calls()).toHaveLength(passed);
  // Twenty at once, twenty that wait, and ten a second, however long a busy machine takes to send them.
  expect(passed).toBeLessThanOrEqual(40 + Math.ceil(10 * seconds));
  expect((await front.send("public", { body: rpc("tools/list") })).status).toBe(200);
});

test("identified callers have what their rights give, and the tool's own upstream is not theirs", async () => {
  const { front, own, inner } = await start();
  const before = own.reached.length;
  const session = await openSession(front, agentAddress);
  const listed = await front.send("private", { from: agentAddress, session, body: rpc("tools/list") });
  expect(listed.json).toMatchObject({ result: { tools: [search, write] } });
  expect(inner.reached.map(({ what }) => what)).toEqual(["open", "request"]);
  expect(own.reached.slice(before).filter(({ by }) => by !== "public")).toEqual([]);
});

test("with one listener the internet has the same tool", async () => {
  const { front } = await start({}, { single: true });
  const headers = [
    ["content-type", "application/json"],
    ["tailscale-funnel-request", "?1"],
  ] as const;
  const listed = await front.send("private", { from: "198.51.100.7", headers, body: rpc("tools/list") });
  expect(listed.json).toMatchObject({ result: { tools: [search] } });
});

test("a call of an opened tool is told with what let it through, whatever became of it", async () => {
  const lines: string[] = [];
  const own = fakeUpstream("notes (public)", {
    "tools/list": { tools: [search] },
    "tools/call": () => (lines.length === 0 ? found : Promise.reject(new Error("broken"))),
  });
  const front = await startFront({
    upstreams: [fakeUpstream("notes", {}), own],
    pins: [pinOf(search)],
    rules: { audit: { publicEvery: 1_000 } },
    auditLines: { line: (line) => lines.push(line), dropped: () => 0 },
  });
  const call = (name: string, args: object) =>
    front.send("public", { body: rpc("tools/call", { name, arguments: args }) });
  await call("search", { q: "x" });
  await expect.poll(() => lines.length).toBe(1);
  await call("search", { q: "x" });
  await call("search", { q: 1 });
  await call("write", { q: "x" });
  await expect.poll(() => lines.length).toBe(3);
  const told = lines.map((line) => {
    const { view, upstream, tool, decision, rule, outcome, sampled = "each" } = JSON.parse(line);
    return [view, upstream, tool, decision, rule, outcome, sampled].join(" | ");
  });
  expect(told).toEqual([
    "public | notes | search | allow | gateway.publicTools | ok | each",
    "public | notes | search | allow | gateway.publicTools | failed | each",
    "public | notes | search | deny | the arguments are not as pinned | refused | 1000",
  ]);
});
