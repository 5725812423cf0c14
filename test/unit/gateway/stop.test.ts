import { expect, test } from "vitest";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { openStream } from "./event-stream.ts";
import { agentAddress as from, initialize, openSession, rpc, startFront } from "./front.ts";

/** A server whose calls take until they are let go. */
function slowUpstream(name = "notes") {
  const waiting: (() => void)[] = [];
  const upstream = fakeUpstream(name, {
    "tools/call": () => new Promise((resolve) => waiting.push(() => resolve({ content: [] }))),
    "tools/list": { tools: [{ name: "search" }] },
  });
  let isClosed = false;
  const close = async (): Promise<void> => {
    isClosed = true;
  };
  return {
    upstream: { ...upstream, close },
    isClosed: () => isClosed,
    waiting,
    letGo: () => {
      for (const go of waiting.splice(0)) go();
    },
  };
}

const call = rpc("tools/call", { name: "search" }, 5);

test("a gateway that stops takes no more callers, ends streams, and answers what it was asked", async () => {
  const { upstream, isClosed, waiting, letGo } = slowUpstream();
  const front = await startFront({ upstreams: [upstream] });
  const session = await openSession(front, from);
  const stream = await openStream(front, { from, session });
  const answer = front.send("private", { from, session, body: call });
  await expect.poll(() => waiting.length).toBe(1);
  const stopped = front.gateway.close();
  expect(await stream.next()).toBeUndefined();
  await expect(front.send("private", { from, body: initialize })).rejects.toThrow();
  await expect(front.send("public", { body: initialize })).rejects.toThrow();
  const ready = await front.send("admin", { method: "GET", path: "/readyz" });
  expect([ready.status, ready.text]).toEqual([503, "it is stopping\n"]);
  expect(isClosed()).toBe(false);
  letGo();
  expect((await answer).json).toEqual({ jsonrpc: "2.0", id: 5, result: { content: [] } });
  await stopped;
  expect(isClosed()).toBe(true);
  await expect(front.send("admin", { method: "GET", path: "/healthz" })).rejects.toThrow();
});

test("an upstream whose entry did not change keeps its sessions, streams and calls while others come and go", async () => {
  const notes = slowUpstream();
  const wiki = slowUpstream("wiki");
  const front = await startFront({ upstreams: [notes.upstream, wiki.upstream], configured: { notes: {} } });
  const session = await openSession(front, from);
  const stream = await openStream(front, { from, session });
  const answer = front.send("private", { from, session, body: call });
  await expect.poll(() => notes.waiting.length).toBe(1);
  const path = "/mcp/wiki";
  expect((await front.send("private", { from, path, body: initialize })).status).toBe(404);

  expect(front.gateway.replace({ upstreams: { notes: {}, wiki: {} }, pins: [] })).toEqual({
    added: ["wiki"],
    removed: [],
    changed: [],
  });
  expect((await front.send("private", { from, path, body: initialize })).status).toBe(200);
  expect(front.gateway.replace({ upstreams: { notes: {} }, pins: [] })).toEqual({
    added: [],
    removed: ["wiki"],
    changed: [],
  });
  expect((await front.send("private", { from, path, body: initialize })).status).toBe(404);
  await expect.poll(wiki.isClosed).toBe(true);

  notes.letGo();
  expect((await answer).status).toBe(200);
  notes.upstream.say({ kind: "notification", method: "notifications/tools/list_changed", params: undefined });
  expect((await stream.next())?.message).toMatchObject({ method: "notifications/tools/list_changed" });
  expect(notes.isClosed()).toBe(false);
});

test("an upstream whose entry changed gives its calls time, ends its streams, and its sessions go on at the new one", async () => {
  const { upstream, isClosed, waiting, letGo } = slowUpstream();
  const front = await startFront({ upstreams: [upstream] });
  const session = await openSession(front, from);
  const stream = await openStream(front, { from, session });
  const answer = front.send("private", { from, session, body: call });
  await expect.poll(() => waiting.length).toBe(1);
  const next = fakeUpstream("notes", { "tools/list": { tools: [{ name: "found" }] } });
  front.upstreams.set("notes", next);
  expect(front.gateway.replace({ upstreams: { notes: { identity: "headers" } }, pins: [] })).toMatchObject({
    changed: ["notes"],
  });
  expect(await stream.next()).toBeUndefined();
  const listed = await front.send("private", { from, session, body: rpc("tools/list") });
  expect(listed.json).toMatchObject({ result: { tools: [{ name: "found" }] } });
  expect(next.reached.map(({ what }) => what)).toEqual(["resume", "request"]);
  expect(isClosed()).toBe(false);
  letGo();
  expect((await answer).json).toMatchObject({ result: { content: [] } });
  await expect.poll(isClosed).toBe(true);
});

test("upstreams of which one is impossible change nothing, and those made for them end", async () => {
  const { upstream, isClosed } = slowUpstream();
  const wiki = slowUpstream("wiki");
  const front = await startFront({ upstreams: [upstream, wiki.upstream], configured: { notes: {} } });
  const session = await openSession(front, from);
  expect(() => front.gateway.replace({ upstreams: { wiki: {}, nowhere: {} }, pins: [] })).toThrow(
    "no upstream nowhere",
  );
  expect(() => front.gateway.replace({ upstreams: {}, pins: [] })).toThrow("there is no upstream to serve");
  const listed = await front.send("private", { from, session, body: rpc("tools/list") });
  expect(listed.json).toMatchObject({ result: { tools: [{ name: "search" }] } });
  expect([isClosed(), wiki.isClosed()]).toEqual([false, true]);
  expect(front.gateway.paths).toEqual(["/mcp/notes", "/mcp"]);
});
