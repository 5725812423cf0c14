import { expect, test } from "vitest";
import type { UpstreamCall } from "../../../src/gateway/upstream/upstream.ts";
import { type JsonObject, objectAt, stringAt } from "../../../src/mcp/json.ts";
import type { RequestMessage } from "../../../src/mcp/message.ts";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { openStream } from "./event-stream.ts";
import {
  agentAddress,
  aliceAddress,
  type Front,
  initialize,
  openSession,
  rpc,
  startFront,
  usualNodes,
} from "./front.ts";

const note = (method: string, params: object) => ({ kind: "notification", method, params: { ...params } }) as const;
const rules = { rules: [{ who: ["tag:agent"], tools: ["search"], resources: ["notes://a/*"] }] };
const from = agentAddress;

test("what a server says during a call makes the answer a stream, in order", async () => {
  const upstream = fakeUpstream("notes", {
    "tools/call": (_request, { onMessage }) => {
      onMessage(note("notifications/progress", { progressToken: 7, progress: 1 }));
      onMessage({ kind: "request", id: 99, method: "elicitation/create", params: { message: "m" } });
      onMessage({ kind: "request", id: 100, method: "secrets/create", params: {} });
      onMessage(note("notifications/secret", {}));
      return { content: [] };
    },
  });
  const front = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(front, from);
  const stream = await openStream(front, {
    from,
    session,
    method: "POST",
    body: rpc("tools/call", { name: "search" }, 5),
  });
  expect((await stream.next())?.message).toMatchObject({ method: "notifications/progress", params: { progress: 1 } });
  expect((await stream.next())?.message).toMatchObject({ id: 99, method: "elicitation/create" });
  expect((await stream.next())?.message).toEqual({ jsonrpc: "2.0", id: 5, result: { content: [] } });
  expect(await stream.next()).toBeUndefined();
  const answer = { jsonrpc: "2.0", id: 99, result: { action: "accept" } };
  expect((await front.send("private", { from, session, body: answer })).status).toBe(202);
  expect(upstream.reached.at(-1)).toMatchObject({ what: "respond", message: { id: 99 } });
});

test.each(["tools/call", "tasks/result"] as const)(
  "what a server says during a %s is for nobody who may no longer make it",
  async (method) => {
    let tell: ((progress: number) => void) | undefined;
    let finish = (): void => {};
    const upstream = fakeUpstream("notes", {
      "tools/call": { task: { taskId: "task-1" } },
      [method]: (_request: RequestMessage, { onMessage }: UpstreamCall) => {
        if (method === "tasks/result" || tell === undefined) {
          tell = (progress) => onMessage(note("notifications/progress", { progressToken: 7, progress }));
          tell(1);
        }
        return new Promise<JsonObject>((resolve) => {
          finish = () => resolve({ content: [{ type: "text", text: "secret" }] });
        });
      },
    });
    const front = await startFront({ upstreams: [upstream], rules });
    const session = await openSession(front, from);
    const asked = method === "tools/call" ? { name: "search" } : { taskId: await taskOf(front, session) };
    const stream = await openStream(front, { from, session, method: "POST", body: rpc(method, asked, 5) });
    expect((await stream.next())?.message).toMatchObject({ params: { progress: 1 } });
    front.gateway.update({ rules: [{ who: ["tag:agent"], tools: ["other"], resources: ["*"] }] });
    tell?.(2);
    finish();
    expect((await stream.next())?.message).toMatchObject({ id: 5, error: { code: 403 } });
    expect(await stream.next()).toBeUndefined();
  },
);

async function taskOf(front: Front, session: string, who = from): Promise<string> {
  const called = await front.send("private", {
    from: who,
    session,
    body: rpc("tools/call", { name: "search", task: {} }),
  });
  return stringAt(objectAt(objectAt(called.json, "result"), "task"), "taskId") ?? "";
}

test("a server tells of a task on its own to whom the task and its tool belong, by the id that was given", async () => {
  const upstream = fakeUpstream("notes", { "tools/call": { task: { taskId: "task-1" } } });
  const both = (tools: readonly string[]) => ({ rules: [{ who: ["tag:agent", "alice@example.com"], tools }] });
  const front = await startFront({ upstreams: [upstream], rules: both(["search"]) });
  const sessions = await Promise.all([from, aliceAddress].map((who) => openSession(front, who)));
  const [own, hers] = await Promise.all(
    [from, aliceAddress].map((who, at) => openStream(front, { from: who, session: sessions[at] ?? "" })),
  );
  await expect.poll(() => upstream.reached.filter(({ what }) => what === "listen")).toHaveLength(2);
  const id = await taskOf(front, sessions[0] ?? "");
  const status = (word: string) => upstream.say(note("notifications/tasks/status", { taskId: "task-1", status: word }));
  status("working");
  expect((await own?.next())?.message).toMatchObject({ params: { taskId: id, status: "working" } });
  front.gateway.update(both(["other"]));
  status("secret");
  upstream.say(note("notifications/tools/list_changed", { said: "last" }));
  const last = { method: "notifications/tools/list_changed", params: { said: "last" } };
  for (const stream of [own, hers]) {
    expect((await stream?.next())?.message).toEqual({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    expect((await stream?.next())?.message).toMatchObject(last);
  }
});

test("a task that a caller's words name is the server's own again, and left out where it is not that caller's", async () => {
  const related = "io.modelcontextprotocol/related-task";
  const upstream = fakeUpstream("notes", { "tools/call": { task: { taskId: "task-1" } } });
  const both = (tools: readonly string[]) => ({ rules: [{ who: ["tag:agent", "alice@example.com"], tools }] });
  const front = await startFront({ upstreams: [upstream], rules: both(["search", "other"]) });
  const session = await openSession(front, from);
  const given = await taskOf(front, session);
  const hers = await taskOf(front, await openSession(front, aliceAddress), aliceAddress);
  const reachedBy = async (taskId: string): Promise<unknown[]> => {
    const _meta = { [related]: { taskId, more: 1 }, kept: 2 };
    const before = upstream.reached.length;
    const say = (body: object) => front.send("private", { from, session, body: { jsonrpc: "2.0", ...body } });
    await say({ id: 8, method: "tools/call", params: { name: "other", _meta } });
    await say({ method: "notifications/progress", params: { progressToken: 1, progress: 1, _meta } });
    await say({ id: 9, result: { action: "accept", _meta } });
    return upstream.reached.slice(before).map(({ message }) => {
      const fields = objectAt(message, "params") ?? objectAt(objectAt(message, "outcome"), "result");
      return objectAt(fields, "_meta");
    });
  };
  const alike = (task: object) => Array.from({ length: 3 }, () => ({ [related]: task, kept: 2 }));
  expect(await reachedBy(given)).toEqual(alike({ taskId: "task-1", more: 1 }));
  for (const other of [hers, "task-1", ""]) expect(await reachedBy(other)).toEqual(alike({ more: 1 }));
  front.gateway.update(both(["other"]));
  expect(await reachedBy(given)).toEqual(alike({ more: 1 }));
});

test("the server's own stream shows what the rights allow, and goes on after the last event seen", async () => {
  const upstream = fakeUpstream("notes", {});
  const front = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(front, from);
  const stream = await openStream(front, { from, session });
  await expect.poll(() => upstream.reached.at(-1)?.what).toBe("listen");
  upstream.say(note("notifications/resources/updated", { uri: "notes://b/1" }));
  upstream.say(note("notifications/resources/updated", { uri: "notes://a/1" }), "event-1");
  const event = await stream.next();
  expect(event?.message).toMatchObject({ params: { uri: "notes://a/1" } });
  expect(event?.id).not.toContain("event-1");
  stream.request.destroy();
  await openStream(front, { from, session, headers: [["last-event-id", event?.id ?? ""]] });
  await expect.poll(() => upstream.reached.at(-1)).toMatchObject({ what: "listen", message: "event-1" });
});

test.each([
  ["the node is taken out of the tailnet", (nodes: ReturnType<typeof usualNodes>) => delete nodes[from]],
  [
    "somebody else gets the address",
    (nodes: ReturnType<typeof usualNodes>) => {
      nodes[from] = { StableID: "nOther", login: "tagged-devices", tags: ["tag:agent"] };
    },
  ],
])("an open stream ends with the next message once %s", async (_what, change) => {
  const upstream = fakeUpstream("notes", {});
  const nodes = usualNodes();
  const front = await startFront({ upstreams: [upstream], rules, nodes });
  const session = await openSession(front, from);
  const stream = await openStream(front, { from, session });
  await expect.poll(() => upstream.reached.at(-1)?.what).toBe("listen");
  change(nodes);
  front.gateway.update(rules);
  upstream.say(note("notifications/resources/updated", { uri: "notes://a/1" }));
  expect(await stream.next()).toBeUndefined();
});

test("an open stream shows less once the rules allow less", async () => {
  const upstream = fakeUpstream("notes", {});
  const front = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(front, from);
  const stream = await openStream(front, { from, session });
  await expect.poll(() => upstream.reached.at(-1)?.what).toBe("listen");
  front.gateway.update({ rules: [{ who: ["tag:agent"], resources: ["notes://c/*"] }] });
  upstream.say(note("notifications/resources/updated", { uri: "notes://a/1" }));
  upstream.say(note("notifications/resources/updated", { uri: "notes://c/1" }));
  const heard = [await stream.next(), await stream.next(), await stream.next()];
  expect(heard.map((event) => event?.message)).toMatchObject([
    { method: "notifications/tools/list_changed" },
    { method: "notifications/resources/list_changed" },
    { params: { uri: "notes://c/1" } },
  ]);
});

test("a caller whose rights changed is told which lists are others, and nobody else is", async () => {
  const upstream = fakeUpstream("notes", {});
  const both = (tools: readonly string[]) => ({
    rules: [
      { who: ["tag:agent"], tools, resources: ["notes://a/*"] },
      { who: ["alice@example.com"], resources: ["notes://a/*"] },
    ],
  });
  const front = await startFront({ upstreams: [upstream], rules: both(["search"]) });
  const streams = await Promise.all(
    [from, aliceAddress].map(async (who) => openStream(front, { from: who, session: await openSession(front, who) })),
  );
  await expect.poll(() => upstream.reached.filter(({ what }) => what === "listen")).toHaveLength(2);
  front.gateway.update(both(["search", "write"]));
  expect((await streams[0]?.next())?.message).toEqual({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
  upstream.say(note("notifications/resources/updated", { uri: "notes://a/1" }));
  for (const stream of streams)
    expect((await stream.next())?.message).toMatchObject({ params: { uri: "notes://a/1" } });
});

test("a grant that is taken away is noticed while nobody says anything, and the stream ends with the last right", async () => {
  const upstream = fakeUpstream("notes", {});
  const nodes = usualNodes();
  const agent = { StableID: "nAgent", login: "tagged-devices", tags: ["tag:agent"] };
  const capability = "example.com/cap/mcp";
  nodes[from] = { ...agent, caps: { [capability]: [{ tools: ["*"], prompts: ["a"] }] } };
  const front = await startFront({ upstreams: [upstream], rules: { capability }, nodes });
  const stream = await openStream(front, { from, session: await openSession(front, from) });
  nodes[from] = { ...agent, caps: { [capability]: [{ tools: ["*"] }] } };
  expect((await stream.next())?.message).toEqual({ jsonrpc: "2.0", method: "notifications/prompts/list_changed" });
  nodes[from] = { ...agent, caps: {} };
  front.gateway.update({ capability });
  expect((await stream.next())?.message).toEqual({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
  expect(await stream.next()).toBeUndefined();
});

test("what a caller may see is told to change, whatever its server tells of its own", async () => {
  const upstream = fakeUpstream("notes", {});
  const front = await startFront({ upstreams: [upstream] });
  const opened = await front.send("private", { from, body: initialize });
  expect(opened.json).toMatchObject({ result: { capabilities: { tools: { listChanged: true } } } });
});

test("somebody else's session gives no stream", async () => {
  const upstream = fakeUpstream("notes", {});
  const front = await startFront({ upstreams: [upstream] });
  const session = await openSession(front, from);
  const answer = await front.send("private", {
    method: "GET",
    from: aliceAddress,
    session,
    headers: [["accept", "text/event-stream"]],
  });
  expect(answer.status).toBe(404);
});

test("a session goes on after a restart with the same key, and not with another", async () => {
  const upstream = fakeUpstream("notes", { "tools/list": { tools: [{ name: "search" }] } });
  const first = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(first, from);
  const again = await startFront({ upstreams: [upstream], rules });
  const ask = { from, session, body: rpc("tools/list") };
  expect((await again.send("private", ask)).json).toMatchObject({ result: { tools: [{ name: "search" }] } });
  expect(upstream.reached.filter(({ what }) => what === "resume")).toHaveLength(1);
  const { Secret } = await import("../../../src/core/secrets.ts");
  const other = await startFront({ upstreams: [upstream], rules, keys: [new Secret("x".repeat(32), "test")] });
  expect((await other.send("private", ask)).status).toBe(404);
});

test("the questions to tailscaled are few", async () => {
  const upstream = fakeUpstream("notes", { ping: {} });
  const front = await startFront({ upstreams: [upstream], rules });
  const session = await openSession(front, from);
  await Promise.all(Array.from({ length: 50 }, () => front.send("private", { from, session, body: rpc("ping") })));
  expect(front.asked).toEqual([from]);
});
