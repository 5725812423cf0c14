import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/mcp/json.ts";
import { type Answers, fakeUpstream } from "../../fakes/upstream.ts";
import { openStream } from "./event-stream.ts";
import { type Answer, agentAddress, aliceAddress, rpc, startFront } from "./front.ts";

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
type Lines = readonly (readonly [string, string])[];

function headersFor(method: string, more: Lines): Lines {
  return [
    ["content-type", "application/json"],
    ["accept", "application/json, text/event-stream"],
    ["mcp-protocol-version", "2026-07-28"],
    ["mcp-method", method],
    ...more,
  ];
}

const rules = { rules: [{ who: ["tag:agent", "alice@example.com"], tools: ["search"], resources: ["notes://a/*"] }] };

async function start(answers: Answers) {
  const upstream = fakeUpstream("notes", answers);
  const front = await startFront({ upstreams: [upstream], rules });
  const ask = (method: string, params: JsonObject, more: Lines = [], from = agentAddress): Promise<Answer> =>
    front.send("private", { from, body: rpc(method, { ...params, _meta: meta }), headers: headersFor(method, more) });
  return { upstream, front, ask };
}

function fieldOf({ json }: Answer, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => Reflect.get(Object(value), key), json);
}

const named = [["mcp-name", "search"]] as const;

test("a request's state comes back as the server wrote it, for its caller alone", async () => {
  const { ask, upstream } = await start({ "tools/call": { resultType: "input_required", requestState: "state-1" } });
  const state = String(fieldOf(await ask("tools/call", { name: "search" }, named), "result", "requestState"));
  expect(state).not.toContain("state-1");
  await ask("tools/call", { name: "search", requestState: state, inputResponses: { a: 1 } }, named);
  expect(upstream.reached.at(-1)?.message).toMatchObject({
    params: { requestState: "state-1", inputResponses: { a: 1 } },
  });
  const before = upstream.reached.length;
  for (const [requestState, from] of [
    ["state-1", agentAddress],
    [state, aliceAddress],
  ] as const) {
    const { json } = await ask("tools/call", { name: "search", requestState }, named, from);
    expect(json).toMatchObject({ error: { code: -32602 } });
  }
  expect(upstream.reached.length).toBe(before);
});

test("a task is the same to its caller each time, and none to anybody else", async () => {
  const { ask, upstream } = await start({
    "tools/call": { resultType: "task", task: { taskId: "task-1", status: "working" } },
    "tasks/get": { taskId: "task-1", status: "working" },
  });
  const task = String(fieldOf(await ask("tools/call", { name: "search" }, named), "result", "task", "taskId"));
  const got = await ask("tasks/get", { taskId: task }, [["mcp-name", task]]);
  expect(fieldOf(got, "result", "taskId")).toBe(task);
  expect(upstream.reached.at(-1)?.message).toMatchObject({ params: { taskId: "task-1" } });
  const stolen = await ask("tasks/get", { taskId: task }, [["mcp-name", task]], aliceAddress);
  expect(stolen.json).toMatchObject({ error: { code: -32602 } });
});

test("a task needs the right to the tool that is at it, whenever it is asked for", async () => {
  const task = { taskId: "task-1", status: "completed" };
  const { front, ask, upstream } = await start({
    "tools/call": { resultType: "task", task },
    "tasks/get": { ...task, result: { content: [{ type: "text", text: "secret" }] } },
    "tasks/update": {},
    "tasks/cancel": {},
  });
  const id = String(fieldOf(await ask("tools/call", { name: "search" }, named), "result", "task", "taskId"));
  const methods = ["tasks/get", "tasks/update", "tasks/cancel"];
  const all = async () => {
    const answers: Answer[] = [];
    for (const method of methods) answers.push(await ask(method, { taskId: id }, [["mcp-name", id]]));
    return answers;
  };
  for (const answer of await all()) expect(fieldOf(answer, "result")).toBeDefined();
  const before = upstream.reached.length;
  front.gateway.update({ rules: [{ who: ["tag:agent"], tools: ["other"], resources: ["*"] }] });
  for (const answer of await all()) {
    expect(answer.json).toMatchObject({ error: { code: 403, message: expect.stringContaining('"tools":["search"]') } });
  }
  expect(upstream.reached.length).toBe(before);
  front.gateway.update(rules);
  for (const answer of await all()) expect(fieldOf(answer, "result")).toBeDefined();
});

test("a subscription is asked for, and acknowledged, as far as the rights go", async () => {
  let tell: (() => void) | undefined;
  const { front, upstream } = await start({
    "subscriptions/listen": (_request, { onMessage, signal }) => {
      const notifications = { resourceSubscriptions: ["notes://a/1", "notes://b/1"], toolsListChanged: true };
      onMessage({
        kind: "notification",
        method: "notifications/subscriptions/acknowledged",
        params: { notifications },
      });
      tell = () => {
        for (const uri of ["notes://b/1", "notes://a/1"])
          onMessage({ kind: "notification", method: "notifications/resources/updated", params: { uri } });
      };
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  const params = {
    notifications: { resourceSubscriptions: ["notes://a/1", "notes://b/1"], toolsListChanged: true, secrets: true },
    _meta: meta,
  };
  const stream = await openStream(front, {
    method: "POST",
    from: agentAddress,
    body: rpc("subscriptions/listen", params),
    headers: [
      ["mcp-protocol-version", "2026-07-28"],
      ["mcp-method", "subscriptions/listen"],
    ],
  });
  const allowed = { resourceSubscriptions: ["notes://a/1"], toolsListChanged: true };
  expect((await stream.next())?.message).toMatchObject({ params: { notifications: allowed } });
  expect(upstream.reached.at(-1)?.message).toMatchObject({ params: { notifications: allowed } });
  tell?.();
  expect((await stream.next())?.message).toMatchObject({ params: { uri: "notes://a/1" } });
});

test("a subscription hears of the lists that it asked for when the caller's rights change, and of no other", async () => {
  const { front } = await start({
    "subscriptions/listen": (_request, { onMessage, signal }) => {
      const method = "notifications/subscriptions/acknowledged";
      onMessage({ kind: "notification", method, params: { notifications: {} } });
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  const stream = await openStream(front, {
    method: "POST",
    from: agentAddress,
    body: rpc("subscriptions/listen", { notifications: { toolsListChanged: true }, _meta: meta }, "s1"),
    headers: [
      ["mcp-protocol-version", "2026-07-28"],
      ["mcp-method", "subscriptions/listen"],
    ],
  });
  expect((await stream.next())?.message).toMatchObject({ params: { notifications: { toolsListChanged: true } } });
  front.gateway.update({ rules: [{ who: ["tag:agent"], tools: ["search"] }] });
  front.gateway.update({ rules: [{ who: ["tag:agent"], tools: ["*"] }] });
  expect((await stream.next())?.message).toEqual({
    jsonrpc: "2.0",
    method: "notifications/tools/list_changed",
    params: { _meta: { "io.modelcontextprotocol/subscriptionId": "s1" } },
  });
});

test("the headers that mirror arguments must say what the arguments say", async () => {
  const inputSchema = { type: "object", properties: { city: { type: "string", "x-mcp-header": "City" } } };
  const { ask, upstream } = await start({
    "tools/list": { tools: [{ name: "search", inputSchema }] },
    "tools/call": { content: [] },
  });
  await ask("tools/list", {});
  const call = (args: JsonObject, more: Lines): Promise<Answer> =>
    ask("tools/call", { name: "search", arguments: args }, [...named, ...more]);
  expect((await call({ city: "Rome" }, [["Mcp-Param-City", "Rome"]])).status).toBe(200);
  expect((await call({ city: "Köln" }, [["Mcp-Param-City", "=?base64?S8O2bG4=?="]])).status).toBe(200);
  expect((await call({}, [])).status).toBe(200);
  const before = upstream.reached.length;
  const wrong: readonly Lines[] = [
    [],
    [["Mcp-Param-City", "Oslo"]],
    // Base64 without its padding, and with what is none between.
    [["Mcp-Param-City", "=?base64?Um9tZQ?="]],
    [["Mcp-Param-City", "=?base64?Um9!tZQ==?="]],
    [
      ["Mcp-Param-City", "Rome"],
      ["mcp-param-city", "Rome"],
    ],
  ];
  for (const more of wrong)
    expect(await call({ city: "Rome" }, more)).toMatchObject({ status: 400, json: { error: { code: -32020 } } });
  expect(await call({}, [["Mcp-Param-City", "Rome"]])).toMatchObject({ status: 400 });
  expect(upstream.reached.length).toBe(before);
});

test("a request whose header names another version than its body is refused for that, and not for the version", async () => {
  const { front, upstream } = await start({ "tools/list": { tools: [] } });
  const next = { ...meta, "io.modelcontextprotocol/protocolVersion": "2027-01-01" };
  const body = rpc("tools/list", { _meta: next });
  const answer = await front.send("private", { from: agentAddress, body, headers: headersFor("tools/list", []) });
  expect(answer).toMatchObject({ status: 400, json: { error: { code: -32020 } } });
  expect(upstream.reached).toEqual([]);
});

test("a request that does not say what its caller can is refused, and one that does not say who it is is not", async () => {
  const { front, upstream } = await start({ "tools/list": { tools: [] } });
  const ask = (_meta: object) =>
    front.send("private", {
      from: agentAddress,
      body: rpc("tools/list", { _meta }),
      headers: headersFor("tools/list", []),
    });
  const { "io.modelcontextprotocol/clientCapabilities": _left, ...less } = meta;
  for (const _meta of [less, { ...less, "io.modelcontextprotocol/clientCapabilities": [] }]) {
    expect(await ask(_meta)).toMatchObject({ status: 400, json: { id: 1, error: { code: -32602 } } });
  }
  expect(upstream.reached).toEqual([]);
  expect(await ask(meta)).toMatchObject({ status: 200, json: { result: { tools: [] } } });
});

test("a version nobody knows, and a batch, are refused", async () => {
  const { front, upstream } = await start({});
  const next = { _meta: { ...meta, "io.modelcontextprotocol/protocolVersion": "2027-01-01" } };
  const from = agentAddress;
  const refused = await front.send("private", { from, body: rpc("tools/list", next) });
  expect(refused).toMatchObject({ status: 400, json: { error: { code: -32022, data: { requested: "2027-01-01" } } } });
  expect((await front.send("private", { from, body: [rpc("tools/list", { _meta: meta })] })).status).toBe(400);
  expect(upstream.reached).toEqual([]);
});
