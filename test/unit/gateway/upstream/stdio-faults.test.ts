import { describe, expect, it } from "vitest";
import { identityOf } from "../../../../src/process/identity.ts";
import { stdioUpstream } from "../../../fakes/stdio-upstream.ts";
import { callOf, initialize, openSession, request, textOf, toolCall } from "../../../fakes/upstream-caller.ts";

describe("a stdio upstream whose child fails", () => {
  it.for([
    ["exits in mid-call", "exit", {}, "-31002"],
    ["exits in the middle of a line", "half", {}, "-31002"],
    ["closes its output and goes on running", "shut", {}, "-31002"],
    ["answers with a line that is too long", "giant", { bytes: 33 * 1024 * 1024 }, "-31004"],
  ] as const)("gives an error to the call that %s, and a good answer to the next", async ([, tool, args, code]) => {
    const { upstream, pids } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    const bob = await openSession(upstream, "bob");
    const answer = await ann.request(toolCall("x", tool, args), callOf("ann"));
    expect(answer.id).toBe("x");
    expect(textOf(answer)).toMatch(new RegExp(`^${code} tsmcp: the server "peer" .*; it may have run$`));
    expect(textOf(await bob.request(toolCall(1, "echo", { text: "good" }), callOf("bob")))).toBe("good");
    await upstream.close();
    expect(pids().map(identityOf)).toEqual(pids().map(() => undefined));
  });

  it("goes on after garbage, answers that nobody asked for and batches", async () => {
    const { upstream, said } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    expect(textOf(await ann.request(toolCall(1, "garbage"), callOf("ann")))).toBe("after garbage");
    expect(said.filter((line) => line.includes("no message"))).toHaveLength(1);
  });

  it("answers the calls of others while one floods its own child", async () => {
    const flooding = stdioUpstream();
    const quiet = stdioUpstream();
    const [ann, bob] = [await openSession(flooding.upstream, "ann"), await openSession(quiet.upstream, "bob")];
    const gone = new AbortController();
    const flood = ann.request(
      toolCall(1, "flood"),
      callOf("ann", () => {}, gone.signal),
    );
    for (let round = 0; round < 50; round++) {
      expect(textOf(await bob.request(toolCall(round, "echo", { text: "good" }), callOf("bob")))).toBe("good");
    }
    expect(flooding.said.some((line) => line.includes("read more slowly"))).toBe(true);
    gone.abort(new Error("gone"));
    await expect(flood).rejects.toThrow("gone");
    await flooding.upstream.close();
    expect(flooding.pids().map(identityOf)).toEqual([undefined]);
  });

  it("logs what a child says on its stderr, each line by the server's name, cut and without what a terminal obeys", async () => {
    const { upstream, said } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    const lines = ["plain", "a\u001b[31mred\u0007\u009b2J", "cr\roverwritten", "", "x".repeat(100_000), "last"];
    expect(textOf(await ann.request(toolCall(1, "complain", { lines }), callOf("ann")))).toBe("complained");
    await expect.poll(() => said, { timeout: 20_000 }).toContain("peer: last");
    expect(said[0]).toBe("peer: plain");
    expect(said.filter((line) => !line.startsWith("peer: ") || line.includes("\n"))).toEqual([]);
    expect(said.filter((line) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(line))).toEqual([]);
    expect(Math.max(...said.map((line) => line.length))).toBeLessThan(5_000);
  });

  it("leaves out of the log what nobody could read of a flood on a child's stderr, says so, and answers meanwhile", async () => {
    const { upstream, said } = stdioUpstream();
    const [ann, bob] = [await openSession(upstream, "ann"), await openSession(upstream, "bob")];
    const startedMs = performance.now();
    const lines = Array.from({ length: 1_000 }, (_, at) => `line ${at}`);
    const flood = ann.request(toolCall(1, "complain", { lines, times: 20 }), callOf("ann"));
    for (let round = 0; round < 20; round++) {
      expect(textOf(await bob.request(toolCall(round, "echo", { text: "good" }), callOf("bob")))).toBe("good");
    }
    expect(textOf(await flood)).toBe("complained");
    const last = async () => {
      await ann.request(toolCall(2, "complain", { lines: ["last"] }), callOf("ann"));
      return said.find((line) => line.includes("lines left out"));
    };
    await expect.poll(last, { timeout: 20_000, interval: 200 }).toMatch(/^peer: \(\d+ lines left out\)$/);
    // 200 at once and 20 in each second, and before some of them how many were left out.
    expect(said.length).toBeLessThanOrEqual(2 * (200 + (20 * (performance.now() - startedMs)) / 1_000) + 2);
  });

  it("refuses more when the child does not read, instead of holding it all", async () => {
    const { upstream } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    const gone = new AbortController();
    void ann
      .request(
        toolCall(0, "deaf"),
        callOf("ann", () => {}, gone.signal),
      )
      .catch(() => {});
    const block = "x".repeat(8 * 1024 * 1024);
    const answers = Array.from({ length: 12 }, (_, id) =>
      ann
        .request(
          toolCall(id, "echo", { text: block }),
          callOf("ann", () => {}, gone.signal),
        )
        .catch(() => undefined),
    );
    const first = await Promise.race(answers);
    expect(first === undefined ? "" : textOf(first)).toContain("does not read its input");
    gone.abort(new Error("gone"));
    expect((await Promise.all(answers)).filter((answer) => answer !== undefined).length).toBeLessThan(12);
  });

  it("runs no call twice and mixes no answers when the child is killed with 200 calls in flight", async () => {
    const { upstream, notes, pids } = stdioUpstream();
    const sessions = await Promise.all(Array.from({ length: 20 }, (_, at) => openSession(upstream, `caller-${at}`)));
    const calls = Array.from({ length: 200 }, async (_, at) => {
      const session = sessions[at % 20];
      const tool = at % 2 === 0 ? "echo" : "hold";
      return session?.request(toolCall("id", tool, { mark: `m${at}`, text: `t${at}`, key: `k${at}` }), callOf("x"));
    });
    await expect.poll(() => notes().filter((line) => /^m\d/.test(line)).length).toBe(200);
    const [pid = 0] = pids();
    process.kill(pid, "SIGKILL");
    const texts = (await Promise.all(calls)).map((answer) => (answer === undefined ? "" : textOf(answer)));
    for (const [at, text] of texts.entries()) {
      if (at % 2 === 0) expect(text).toBe(`t${at}`);
      else expect(text).toMatch(/^-31002 .*it may have run$/);
    }
    const again = await sessions[0]?.request(toolCall(1, "count"), callOf("caller-0"));
    expect(again && textOf(again)).toBe("1");
    const marks = notes().filter((line) => /^m\d/.test(line));
    expect(new Set(marks).size).toBe(marks.length);
    expect(pids()).toHaveLength(2);
    await upstream.close();
    expect(pids().map(identityOf)).toEqual([undefined, undefined]);
  });

  it("asks again for what is harmless when the child is killed, and subscribes anew", async () => {
    const { upstream, notes, pids } = stdioUpstream();
    const ann = await openSession(upstream, "ann");
    await ann.request(request(1, "resources/subscribe", { uri: "file:///a" }), callOf("ann"));
    const [pid = 0] = pids();
    process.kill(pid, "SIGSTOP");
    const list = ann.request(request(2, "tools/list"), callOf("ann"));
    process.kill(pid, "SIGKILL");
    expect((await list).outcome).toHaveProperty("result.tools.0.name", "echo");
    expect(notes().filter((line) => line.startsWith("subscribe"))).toEqual([
      "subscribe file:///a",
      "subscribe file:///a",
    ]);
    expect(pids()).toHaveLength(2);
  });

  it("restarts a child by itself while somebody listens", async () => {
    const { upstream, pids } = stdioUpstream();
    const stop = new AbortController();
    const ann = await openSession(upstream, "ann");
    const listening = ann.listen({ onMessage: () => {}, signal: stop.signal });
    process.kill(pids()[0] ?? 0, "SIGKILL");
    await expect.poll(() => pids().length).toBe(2);
    stop.abort();
    await listening;
  });

  it.for([
    ["is not there", { command: "/nowhere/server", args: [] }, "cannot be started \\(ENOENT\\)", -31001, 20_000],
    [
      "ends at once",
      { command: "/bin/sh", args: ["-c", "exit 7"] },
      "closed its output before it answered",
      -31001,
      20_000,
    ],
    ["says nothing", { command: "/bin/sh", args: ["-c", "exec sleep 60"] }, "was not ready within 200 ms", -31005, 200],
    [
      "speaks something else",
      { command: "/bin/sh", args: ["-c", "echo hello; exec sleep 60"] },
      "was not ready",
      -31005,
      200,
    ],
  ] as const)(
    "refuses to open a program that %s, and starts it no more than it must",
    async ([, program, words, code, openTimeoutMs]) => {
      const env = { PATH: process.env.PATH ?? "" };
      const { upstream } = stdioUpstream({
        program: { ...program, args: [...program.args], env, cwd: "/" },
        openTimeoutMs,
      });
      const opening = await upstream.open(initialize, callOf("ann"));
      expect(opening.kind === "refused" && opening.error.message).toMatch(
        new RegExp(`^tsmcp: the server "peer" ${words}`),
      );
      expect(opening.kind === "refused" && opening.error.code).toBe(code);
      expect(upstream.state()).toBe("failing");
    },
  );

  it("gives up a call that the child is silent about, tells the child, and waits on where it is the caller's turn", async () => {
    const { upstream, notes } = stdioUpstream({ isolation: "session", silenceMs: 2_000 });
    const [ann, bob] = [await openSession(upstream, "ann"), await openSession(upstream, "bob")];
    let question: string | number = "";
    const asking = ann.request(
      toolCall(1, "ask", { method: "elicitation/create", params: {} }),
      callOf("ann", (message) => {
        if (message.kind === "request") question = message.id;
      }),
    );
    const silent = await bob.request(toolCall(7, "hold", { key: "x" }), callOf("bob"));
    expect(textOf(silent)).toMatch(/^-31005 .*did not answer within 2000 ms; it may have run$/);
    await expect.poll(() => notes().filter((line) => line.startsWith("notifications/cancelled"))).toHaveLength(1);
    ann.respond({ kind: "response", id: question, outcome: { result: { action: "accept" } } });
    expect(textOf(await asking)).toBe('{"result":{"action":"accept"}}');
  });

  it("names both eras to a caller of the other one", async () => {
    const modern = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const legacy = stdioUpstream();
    const call = request(1, "tools/call", { name: "echo", arguments: {}, _meta: modern });
    const refused = await legacy.upstream.request(call, callOf("ann"));
    expect(textOf(refused)).toMatch(/^-31007 tsmcp: the caller speaks MCP 2026-07-28, the server 2025-11-25 or older$/);
    const discovery = await legacy.upstream.request(request(2, "server/discover", { _meta: modern }), callOf("ann"));
    expect(textOf(discovery)).toBe("-32601 Method not found");
    expect(legacy.pids()).toHaveLength(1);
    const newer = stdioUpstream({}, "modern");
    const opening = await newer.upstream.open(initialize, callOf("ann"));
    expect(opening).toMatchObject({ kind: "refused", error: { code: -32022, data: { supported: ["2026-07-28"] } } });
    expect(opening.kind === "refused" && opening.error.message).toMatch(/speaks MCP 2025-11-25 or older.*only newer/);
  });
});
