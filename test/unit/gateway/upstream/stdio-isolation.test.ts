import { describe, expect, it } from "vitest";
import type { Message } from "../../../../src/mcp/message.ts";
import { identityOf } from "../../../../src/process/identity.ts";
import { stdioUpstream } from "../../../fakes/stdio-upstream.ts";
import {
  callerNamed,
  callOf,
  initialize,
  openSession,
  request,
  textOf,
  toolCall,
} from "../../../fakes/upstream-caller.ts";

const modern = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };

describe("a stdio upstream with a child for each session", () => {
  it("opens each with the caller's own words, and ends it with the session", async () => {
    const { upstream, pids, notes } = stdioUpstream({ isolation: "session" });
    const [ann, bob] = [await openSession(upstream, "ann"), await openSession(upstream, "bob")];
    expect(pids()).toHaveLength(2);
    expect(JSON.parse(textOf(await ann.request(toolCall(1, "opened"), callOf("ann"))))).toEqual(initialize.params);
    await ann.request(toolCall(2, "count"), callOf("ann"));
    expect(textOf(await bob.request(toolCall(1, "count"), callOf("bob")))).toBe("1");
    expect(notes().filter((line) => line.startsWith("notifications/initialized"))).toHaveLength(2);
    await ann.end();
    expect(pids().map((pid) => identityOf(pid) !== undefined)).toEqual([false, true]);
  });

  it("passes on what the child asks and logs, to the call, the listener or whoever comes next", async () => {
    const { upstream } = stdioUpstream({ isolation: "session" });
    const ann = await openSession(upstream, "ann");
    const heard: Message[] = [];
    const log = { method: "notifications/message", params: { level: "info", data: "x" } };
    await ann.request(
      toolCall(1, "notify", log),
      callOf("ann", (message) => heard.push(message)),
    );
    expect(heard).toMatchObject([log]);
    const held = toolCall(2, "ask", { method: "roots/list", params: {}, answered: false });
    await ann.request(
      held,
      callOf("ann", (message) => heard.push(message)),
    );
    expect(heard).toMatchObject([log, { kind: "request", method: "roots/list" }]);
    const stop = new AbortController();
    const listening = ann.listen({ onMessage: (message) => heard.push(message), signal: stop.signal });
    await ann.request(toolCall(3, "notify", { method: "notifications/tools/list_changed" }), callOf("ann"));
    expect(heard.at(-1)).toMatchObject({ method: "notifications/tools/list_changed" });
    stop.abort();
    await listening;
  });

  it.each(["shared", "session"] as const)("ends the stream of a %s child's session with it", async (isolation) => {
    const { upstream } = stdioUpstream({ isolation });
    const [ann, bob] = [await openSession(upstream, "ann"), await openSession(upstream, "bob")];
    const stop = new AbortController();
    const listening = { onMessage: () => {}, signal: stop.signal };
    const streams = [ann.listen(listening), bob.listen(listening)];
    await ann.end();
    expect(await Promise.race(streams.map((stream, at) => stream.then(() => at)))).toBe(0);
    expect(await streams[0]).toBe("ended");
    stop.abort();
    await streams[1];
  });

  it("never has more children than allowed: the one that is unused for longest makes room, and comes back", async () => {
    const { upstream, pids } = stdioUpstream({ isolation: "session", maxChildren: 2 });
    const [ann, bob] = [await openSession(upstream, "ann"), await openSession(upstream, "bob")];
    await ann.request(toolCall(1, "count"), callOf("ann"));
    const cid = await openSession(upstream, "cid");
    const alive = () => pids().filter((pid) => identityOf(pid) !== undefined).length;
    expect(alive()).toBe(2);
    const again = upstream.resume(bob.handle, callerNamed("bob"));
    expect(again).toBe(bob);
    expect(textOf(await bob.request(toolCall(1, "count"), callOf("bob")))).toBe("1");
    expect(alive()).toBe(2);
    const held = [cid, bob].map((session) => session.request(toolCall(9, "hold", { key: "h" }), callOf("x")));
    const late = await upstream.open(initialize, callOf("dan"));
    expect(late).toMatchObject({ kind: "refused", error: { code: -31001 } });
    expect(late.kind === "refused" && late.error.message).toContain("all of its 2 processes are in use");
    expect(alive()).toBe(2);
    await upstream.close();
    await Promise.all(held);
    expect(alive()).toBe(0);
  });

  it("makes a session again from its handle alone, as after a restart of the gateway", async () => {
    const before = stdioUpstream({ isolation: "session" });
    const { handle } = await openSession(before.upstream, "ann");
    await before.upstream.close();
    const { upstream, notes } = stdioUpstream({ isolation: "session" });
    const session = upstream.resume(handle, callerNamed("ann"));
    const opened = await session?.request(toolCall(1, "opened"), callOf("ann"));
    expect(opened && JSON.parse(textOf(opened))).toEqual(initialize.params);
    expect(notes().filter((line) => line.startsWith("notifications/initialized"))).toHaveLength(1);
    expect(upstream.resume(handle, callerNamed("bob"))).toBeUndefined();
    for (const text of ["", "null", "{}", '{"id":1}', '{"id":"a","place":"b","params":{}}']) {
      expect(upstream.resume(text, callerNamed("ann"))).toBeUndefined();
    }
  });

  it("restores log level and subscriptions when the child was killed", async () => {
    const { upstream, notes, pids } = stdioUpstream({ isolation: "session" });
    const ann = await openSession(upstream, "ann");
    await ann.request(request(1, "logging/setLevel", { level: "debug" }), callOf("ann"));
    await ann.request(request(2, "resources/subscribe", { uri: "file:///a" }), callOf("ann"));
    process.kill(pids()[0] ?? 0, "SIGKILL");
    await expect.poll(() => upstream.state()).toBe("failing");
    expect(textOf(await ann.request(toolCall(3, "count"), callOf("ann")))).toBe("1");
    expect(notes().filter((line) => /^(level|subscribe)/.test(line))).toEqual([
      "level debug",
      "subscribe file:///a",
      "level debug",
      "subscribe file:///a",
    ]);
  });

  it("ends what nobody used for long", async () => {
    const { upstream, pids } = stdioUpstream({ isolation: "session", idleMs: 300 });
    await openSession(upstream, "ann");
    await expect.poll(() => pids().map(identityOf), { timeout: 10_000 }).toEqual([undefined]);
  });
});

describe("a stdio upstream with a pool", () => {
  it("spreads the sessions over so many children and no more", async () => {
    const { upstream, pids } = stdioUpstream({ isolation: "pool", maxChildren: 2 });
    const sessions = await Promise.all(Array.from({ length: 6 }, (_, at) => openSession(upstream, `caller-${at}`)));
    const answers = await Promise.all(sessions.map((session) => session.request(toolCall(1, "pid"), callOf("x"))));
    const counts = pids().map((pid) => answers.filter((answer) => textOf(answer) === String(pid)).length);
    expect(counts).toEqual([3, 3]);
  });
});

describe("a stdio upstream of the modern era", () => {
  const ask = (id: string | number, name: string, args: Record<string, unknown> = {}) =>
    request(id, "tools/call", { name, arguments: args, _meta: { ...modern, progressToken: "t" } });

  it("serves all callers from one child, each in its own words", async () => {
    const { upstream, pids } = stdioUpstream({}, "modern");
    const heard: Message[] = [];
    const [one, other] = await Promise.all([
      upstream.request(
        ask(1, "progress", { steps: 1 }),
        callOf("ann", (message) => heard.push(message)),
      ),
      upstream.request(ask(1, "pid"), callOf("bob")),
    ]);
    expect(textOf(one)).toBe("done");
    expect(heard).toMatchObject([{ params: { progressToken: "t", progress: 1 } }]);
    expect(textOf(other)).toBe(String(pids()[0]));
    expect(pids()).toHaveLength(1);
  });

  it("keeps subscriptions apart, and cancels one when its caller leaves", async () => {
    const { upstream, notes } = stdioUpstream({}, "modern");
    const gone = new AbortController();
    const heard: Message[] = [];
    const listen = request("sub", "subscriptions/listen", { notifications: { toolsListChanged: true }, _meta: modern });
    const listening = upstream.request(
      listen,
      callOf("ann", (message) => heard.push(message), gone.signal),
    );
    await expect.poll(() => heard.length).toBe(2);
    const _meta = { "io.modelcontextprotocol/subscriptionId": "sub" };
    expect(heard).toMatchObject([
      { method: "notifications/subscriptions/acknowledged", params: { _meta } },
      { method: "notifications/tools/list_changed", params: { _meta } },
    ]);
    gone.abort(new Error("left"));
    await expect(listening).rejects.toThrow("left");
    await expect.poll(() => notes().filter((line) => line.startsWith("notifications/cancelled"))).toHaveLength(1);
  });

  it("passes on what a caller's own child logs to the call that asked for it, and to no other", async () => {
    const { upstream } = stdioUpstream({ isolation: "session" }, "modern");
    const heard: [string, Message][] = [];
    const log = { method: "notifications/message", params: { level: "info", data: "x" } };
    const ask = (id: string, name: string, args: object, more: object = {}) =>
      upstream.request(
        request(id, "tools/call", { name, arguments: args, _meta: { ...modern, ...more } }),
        callOf("ann", (message) => heard.push([id, message])),
      );
    const loud = { "io.modelcontextprotocol/logLevel": "debug" };
    const holding = ask("loud", "hold", { key: "k" }, loud);
    await ask("quiet", "notify", log);
    await ask("other", "notify", { method: "notifications/elicitation/complete", params: {} });
    await ask("end", "release", { key: "k" });
    expect(textOf(await holding)).toBe("released k");
    await ask("nobody", "notify", log);
    expect(heard).toMatchObject([["loud", log]]);
  });

  it("gives each caller a child of its own where sessions have one", async () => {
    const { upstream, pids } = stdioUpstream({ isolation: "session" }, "modern");
    const answers = await Promise.all(["ann", "bob", "ann"].map((key) => upstream.request(ask(1, "pid"), callOf(key))));
    expect(pids()).toHaveLength(2);
    expect(new Set(answers.map(textOf)).size).toBe(2);
  });
});
