import { expect, test } from "vitest";
import { answerRoutine, type Reply, type Seen } from "../../fakes/mcp-server.ts";
import { scriptedBridges } from "../../fakes/scripted-bridge.ts";

const { start } = scriptedBridges();

/** A server whose calls break off behind their first event, and that does this when one is to be resumed. */
function breaking(onResume: (times: number, reply: Reply) => void) {
  let times = 0;
  return (seen: Seen, reply: Reply): void => {
    if (seen.httpMethod === "GET" && seen.headers["last-event-id"] === "7") {
      times += 1;
      onResume(times, reply);
    } else if (!answerRoutine(seen, reply)) {
      const stream = reply.stream();
      stream.write("id: 7\nretry: 5\ndata:\n\n");
      stream.end();
    }
  };
}

test.each([
  ["is cut off", (reply: Reply) => reply.stream().cut()],
  ["is answered 500", (reply: Reply) => reply.status(500)],
  ["is answered 429", (reply: Reply) => reply.status(429)],
  ["ends at once", (reply: Reply) => reply.stream().end()],
])("a call's stream is resumed again when the first try %s", async (_how, first) => {
  const { server, agent } = await start(
    breaking((times, reply) => {
      if (times === 1) first(reply);
      else reply.stream().event({ id: 2, result: { times } });
    }),
  );
  await agent.initialize();
  expect(await agent.ask("tools/call", { name: "t" })).toMatchObject({ result: { times: 2 } });
  expect(server.seen.filter(({ body }) => body.method === "tools/call")).toHaveLength(1);
});

test.each([
  ["broken off each time", (reply: Reply) => reply.stream().cut(), 3],
  ["refused", (reply: Reply) => reply.status(404), 1],
])("a call whose resumption is %s may have run, says so, and is not asked for for ever", async (_how, each, most) => {
  let resumed = 0;
  const { agent } = await start(
    breaking((times, reply) => {
      resumed = times;
      each(reply);
    }),
  );
  await agent.initialize();
  const { error } = await agent.ask("tools/call", { name: "t" });
  expect(error).toMatchObject({ code: -31002, data: { mayHaveRun: true } });
  expect(resumed).toBe(most);
});

const progress = JSON.stringify({
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progressToken: 1, progress: 1 },
});

test("a call whose server is gone when its stream is to be resumed may have run, and says so", async () => {
  const { server, agent } = await start(
    (seen, reply) => {
      if (answerRoutine(seen, reply)) return;
      reply.stream().write(`id: 7\nretry: 5\ndata: ${progress}\n\n`);
    },
    { connectTimeoutMs: 300 },
  );
  await agent.initialize();
  const answer = agent.ask("tools/call", { name: "t" });
  await agent.next(({ method }) => method === "notifications/progress");
  await server[Symbol.asyncDispose]();
  expect((await answer).error).toMatchObject({ code: -31002, data: { mayHaveRun: true } });
});
