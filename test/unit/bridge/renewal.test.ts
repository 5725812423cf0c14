import { expect, test } from "vitest";
import { answerRoutine, type Reply, type Seen } from "../../fakes/mcp-server.ts";
import { scriptedBridges } from "../../fakes/scripted-bridge.ts";

const { start } = scriptedBridges();

const cut = (_seen: Seen, reply: Reply): void => reply.stream().cut();
const end = (_seen: Seen, reply: Reply): void => reply.stream().end();

/** A server that forgot its first session, and does this to the second `method` that it hears. */
function forgetful(method: string, instead: (seen: Seen, reply: Reply) => void) {
  let session = 0;
  let heard = 0;
  const ran: unknown[] = [];
  const script = (seen: Seen, reply: Reply): void => {
    const { body, headers } = seen;
    if (body.method === method) heard += 1;
    const isLost = body.method === method && heard === 2;
    if (body.method === "initialize" && !isLost) session += 1;
    const isKnown = headers["mcp-session-id"] === `session-${session}` && (body.method !== "tools/call" || session > 1);
    if (isLost) instead(seen, reply);
    else if (body.method !== "initialize" && !isKnown) reply.status(404);
    else if (!answerRoutine(seen, reply, `session-${session}`)) {
      if (body.method === "tools/call") ran.push(body.id);
      reply.json({ session });
    }
  };
  return { script, ran };
}

test.each([
  ["initialize", "breaks off", cut],
  ["initialize", "ends without an answer", end],
  ["notifications/initialized", "breaks off", cut],
  ["logging/setLevel", "breaks off", cut],
] as const)(
  "a renewal whose %s %s goes on, and every call runs once in the new session",
  async (method, _how, instead) => {
    const { script, ran } = forgetful(method, instead);
    const { agent } = await start(script);
    await agent.initialize();
    await agent.ask("logging/setLevel", { level: "info" });
    const calls = Array.from({ length: 20 }, () => agent.ask("tools/call", { name: "t" }));
    for (const answer of await Promise.all(calls))
      expect(answer).toMatchObject({ result: { session: expect.any(Number) } });
    expect(new Set(ran).size).toBe(20);
    expect(ran).toHaveLength(20);
  },
);

test("a call whose session cannot be renewed never ran, and does not say that it may have", async () => {
  let openings = 0;
  const { agent } = await start(
    (seen, reply) => {
      const { method } = seen.body;
      if (method === "initialize") openings += 1;
      if (method === "initialize" && openings > 1) cut(seen, reply);
      else if (method === "tools/call") reply.status(404);
      else answerRoutine(seen, reply);
    },
    { connectTimeoutMs: 300 },
  );
  await agent.initialize();
  const { error } = await agent.ask("tools/call", { name: "t" });
  expect(error).toMatchObject({ code: -31001, data: { layer: "connect" } });
  expect(error).not.toMatchObject({ data: { mayHaveRun: true } });
  expect(openings).toBeGreaterThan(1);
});

test("calls that find one session after the other gone run once, where each had served others", async () => {
  let session = 0;
  let state: "new" | "served" | "over" = "new";
  let held: Reply[] = [];
  const ran: unknown[] = [];
  const { server, agent } = await start((seen, reply) => {
    const { body, headers } = seen;
    if (body.method === "initialize") {
      session += 1;
      state = "new";
    }
    const isKnown = body.method === "initialize" || headers["mcp-session-id"] === `session-${session}`;
    const isCall = body.method === "tools/call";
    if (!isKnown || (isCall && state === "over")) reply.status(404);
    else if (isCall && state === "served" && session < 4) held.push(reply);
    else if (!answerRoutine(seen, reply, `session-${session}`)) {
      state = "served";
      ran.push(body.id);
      reply.json({ session });
    }
  });
  await agent.initialize();
  for (let id = 100; id < 120; id++) agent.send({ id, method: "tools/call", params: { name: "t" } });
  for (let round = 1; round <= 3; round++) {
    await agent.next(({ result }) => result !== undefined);
    // The others of this session hear only now that it is over.
    state = "over";
    for (const reply of held) reply.status(404);
    held = [];
  }
  for (let left = 17; left > 0; left--) expect(await agent.next(({ id }) => id !== undefined)).toHaveProperty("result");
  expect(new Set(ran).size).toBe(20);
  expect(ran).toHaveLength(20);
  expect(server.seen.filter(({ body }) => body.method === "initialize")).toHaveLength(4);
});
