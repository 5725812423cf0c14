import { describe, expect, it } from "vitest";
import type { Message } from "../../../../src/mcp/message.ts";
import { identityOf } from "../../../../src/process/identity.ts";
import { stdioUpstream } from "../../../fakes/stdio-upstream.ts";
import { callOf, initialize, openSession, request, textOf, toolCall } from "../../../fakes/upstream-caller.ts";

describe("a shared stdio upstream", () => {
  it("serves every session from one child, which it starts at the first", async () => {
    const { upstream, pids, notes } = stdioUpstream();
    expect(upstream.state()).toBe("idle");
    expect(pids()).toEqual([]);
    const sessions = await Promise.all(["ann", "bob", "cid"].map((key) => openSession(upstream, key)));
    const answers = await Promise.all(sessions.map((session) => session.request(toolCall(1, "pid"), callOf("ann"))));
    expect(upstream.state()).toBe("ready");
    expect(pids().length).toBe(1);
    expect(answers.map(textOf)).toEqual(pids().flatMap((pid) => [String(pid), String(pid), String(pid)]));
    expect(notes().filter((line) => line.startsWith("notifications/initialized")).length).toBe(1);
    await upstream.close();
    expect(identityOf(pids()[0] ?? 0)).toBeUndefined();
  });

  it("answers initialize with the version that the caller asked for", async () => {
    const { upstream } = stdioUpstream();
    const opening = await upstream.open(initialize, callOf("ann"));
    expect(opening).toMatchObject({
      kind: "opened",
      result: { protocolVersion: "2025-06-18", serverInfo: { name: "stdio" } },
    });
  });

  it("gives callers with the same ids and progress tokens each their own answers and progress", async () => {
    const { upstream } = stdioUpstream();
    const told = await Promise.all(
      ["ann", "bob", "cid"].map(async (key, at) => {
        const session = await openSession(upstream, key);
        const messages: Message[] = [];
        const call = toolCall("same", "progress", { steps: at + 1 });
        const asked = { ...call, params: { ...call.params, _meta: { progressToken: "token" } } };
        const answer = await session.request(
          asked,
          callOf(key, (message) => messages.push(message)),
        );
        return { id: answer.id, steps: messages.map((message) => ("params" in message ? message.params : undefined)) };
      }),
    );
    const step = (progress: number, total: number) => ({ progressToken: "token", progress, total });
    expect(told).toEqual([
      { id: "same", steps: [step(1, 1)] },
      { id: "same", steps: [step(1, 2), step(2, 2)] },
      { id: "same", steps: [step(1, 3), step(2, 3), step(3, 3)] },
    ]);
  });

  it("tells the child of a cancellation by the child's own id, and the caller no more of it", async () => {
    const { upstream, notes } = stdioUpstream();
    const [ann, bob] = await Promise.all([openSession(upstream, "ann"), openSession(upstream, "bob")]);
    const held = ann.request(toolCall(7, "hold", { key: "a" }), callOf("ann"));
    const other = bob.request(toolCall(7, "hold", { key: "b" }), callOf("bob"));
    ann.notify({ kind: "notification", method: "notifications/cancelled", params: { requestId: 7, reason: "no" } });
    expect(textOf(await held)).toContain("told by the caller not to go on");
    await bob.request(toolCall(8, "release", { key: "b" }), callOf("bob"));
    expect(textOf(await other)).toBe("released b");
    expect(notes().filter((line) => line.startsWith("notifications/cancelled"))).toHaveLength(1);
  });

  it("refuses what the child asks once it works for two callers, and passes it on while there is but one", async () => {
    const { upstream } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    const asked: Message[] = [];
    const sampling = toolCall(1, "ask", { method: "sampling/createMessage", params: { messages: [] } });
    const alone = await ann.request(
      sampling,
      callOf("ann", (message) => {
        asked.push(message);
        if (message.kind === "request")
          ann.respond({ kind: "response", id: message.id, outcome: { result: { by: "ann" } } });
      }),
    );
    expect(textOf(alone)).toBe('{"result":{"by":"ann"}}');
    expect(asked).toMatchObject([{ kind: "request", method: "sampling/createMessage" }]);
    const bob = await openSession(upstream, "bob");
    const heard: Message[] = [];
    const both = await Promise.all([
      ann.request(
        sampling,
        callOf("ann", (message) => heard.push(message)),
      ),
      bob.request(
        sampling,
        callOf("bob", (message) => heard.push(message)),
      ),
    ]);
    expect(both.map(textOf)).toEqual(Array(2).fill('{"error":{"code":-32601,"message":"Method not found"}}'));
    await bob.end();
    const later = await ann.request(
      sampling,
      callOf("ann", (message) => heard.push(message)),
    );
    expect(textOf(later)).toContain("Method not found");
    expect(heard).toEqual([]);
  });

  it("lets only who was asked answer", async () => {
    const { upstream } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    let id: string | number = "";
    const waiting = new Promise<void>((resolve) => {
      void ann
        .request(
          toolCall(1, "ask", { method: "roots/list" }),
          callOf("ann", (message) => {
            if (message.kind === "request") id = message.id;
            resolve();
          }),
        )
        .then(({ outcome }) => outcomes.push(outcome));
    });
    const outcomes: unknown[] = [];
    await waiting;
    const bob = await openSession(upstream, "bob");
    bob.respond({ kind: "response", id, outcome: { result: { roots: ["bob's"] } } });
    bob.respond({ kind: "response", id: 1, outcome: { result: { roots: ["bob's"] } } });
    await bob.request(toolCall(1, "echo", { text: "x" }), callOf("bob"));
    expect(outcomes).toEqual([]);
    ann.respond({ kind: "response", id, outcome: { result: { roots: ["ann's"] } } });
    await expect
      .poll(() => outcomes)
      .toMatchObject([{ result: { content: [{ text: '{"result":{"roots":["ann\'s"]}}' }] } }]);
  });

  it("drops log messages and keeps the level to itself, and tells list changes to all who listen", async () => {
    const { upstream, notes } = stdioUpstream();
    const stop = new AbortController();
    const heard: Record<string, Message[]> = { ann: [], bob: [] };
    const sessions = await Promise.all(["ann", "bob"].map((key) => openSession(upstream, key)));
    const listening = sessions.map((session, at) =>
      session.listen({ onMessage: (message) => heard[at === 0 ? "ann" : "bob"]?.push(message), signal: stop.signal }),
    );
    const [ann] = sessions;
    const tell = (method: string, params: Record<string, unknown> = {}) =>
      ann?.request(
        toolCall(1, "notify", { method, params }),
        callOf("ann", (message) => heard.ann?.push(message)),
      );
    await tell("notifications/message", { level: "info", data: "secret of somebody" });
    await tell("notifications/elicitation/complete", { elicitationId: "1" });
    await tell("notifications/progress", { progressToken: 77, progress: 1 });
    await tell("notifications/tools/list_changed");
    const changed = { kind: "notification", method: "notifications/tools/list_changed" };
    expect(heard).toMatchObject({ ann: [changed], bob: [changed] });
    expect(await ann?.request(request(2, "logging/setLevel", { level: "debug" }), callOf("ann"))).toMatchObject({
      outcome: { result: {} },
    });
    expect(notes().filter((line) => line.startsWith("level"))).toEqual([]);
    stop.abort();
    expect(await Promise.all(listening)).toEqual(["ended", "ended"]);
  });

  it("tells a resource's updates to its subscribers alone, and unsubscribes with the last of them", async () => {
    const { upstream, notes } = stdioUpstream();
    const stop = new AbortController();
    const heard: string[] = [];
    const [ann, bob, cid] = await Promise.all(["ann", "bob", "cid"].map((key) => openSession(upstream, key)));
    for (const [key, session] of Object.entries({ ann, bob, cid })) {
      void session?.listen({ onMessage: () => heard.push(key), signal: stop.signal });
    }
    const uri = "file:///a";
    await ann?.request(request(1, "resources/subscribe", { uri }), callOf("ann"));
    await bob?.request(request(1, "resources/subscribe", { uri }), callOf("bob"));
    const update = { method: "notifications/resources/updated", params: { uri } };
    await cid?.request(toolCall(1, "notify", update), callOf("cid"));
    expect(heard.toSorted()).toEqual(["ann", "bob"]);
    await ann?.request(request(2, "resources/unsubscribe", { uri }), callOf("ann"));
    await cid?.request(toolCall(2, "notify", update), callOf("cid"));
    expect(heard.toSorted()).toEqual(["ann", "bob", "bob"]);
    expect(notes().filter((line) => line.startsWith("unsubscribe"))).toEqual([]);
    await bob?.end();
    await expect.poll(() => notes().filter((line) => line.startsWith("unsubscribe"))).toEqual([`unsubscribe ${uri}`]);
    stop.abort();
  });

  it("gives the child the configured environment and who calls only where that is wanted", async () => {
    const told = stdioUpstream({ tellsCaller: true });
    const untold = stdioUpstream();
    const claim = { name: "meta", _meta: { "tsmcp/caller": { login: "root@example.com" }, kept: 1 } };
    const ask = async ({ upstream }: typeof told) =>
      (await openSession(upstream, "ann")).request(request(1, "tools/call", claim), callOf("ann"));
    expect(JSON.parse(textOf(await ask(told)))).toEqual({
      kept: 1,
      "tsmcp/caller": { login: "ann@example.com", name: "ann", node: "ann.tailnet.ts.net", tags: [], grants: [] },
    });
    expect(JSON.parse(textOf(await ask(untold)))).toEqual({ kept: 1 });
    const session = await openSession(untold.upstream, "ann");
    const env = JSON.parse(textOf(await session.request(toolCall(2, "env"), callOf("ann"))));
    expect(Object.keys(env).toSorted()).toEqual(["PATH", "PEER"]);
  });
});
