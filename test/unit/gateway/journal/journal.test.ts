import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createJournal, type Entry } from "../../../../src/gateway/journal/journal.ts";
import { sendPlain } from "../../../../src/gateway/reply.ts";
import { createFlights, type Flight } from "../../../../src/gateway/upstream/stdio/flights.ts";
import type { RequestMessage } from "../../../../src/mcp/message.ts";
import { haveOneHiddenClass } from "../../../fakes/hidden-class.ts";
import { listen } from "../../../fakes/listening.ts";

const request: RequestMessage = { kind: "request", id: 1, method: "tools/list", params: {} };

/** V8 learns from the first ones of which kind their fields are. */
const many = 30;

test("what is told of one request has the hidden class of what was told of the last", async () => {
  const entries: Entry[] = [];
  const journal = createJournal([(entry) => entries.push(entry)]);
  const server = createServer((incoming, response) => {
    const note = journal.begin("private", incoming, response);
    note.asked([request], 10);
    note.answered(request, { result: {} });
    sendPlain(response, { status: 200, body: "{}" });
  });
  const port = await listen(server);
  onTestFinished(() => void server.close());
  for (let count = 0; count < many; count++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    expect(await answer.text()).toBe("{}");
  }
  await expect.poll(() => entries.length).toBe(many);
  const [last, before] = entries.toReversed();
  if (last === undefined || before === undefined) throw new Error("nothing was told");
  expect(haveOneHiddenClass(last, before)).toBe(true);
});

test("a request on its way to a child has the hidden class of the one before", () => {
  const flights = createFlights<number>();
  const made: Flight<number>[] = [];
  for (let count = 0; count < many; count++) {
    const owner = count;
    const unnumbered = { owner, request, onMessage: () => {}, settle: () => {}, fail: () => {}, heardMs: count + 0.5 };
    made.push(flights.add(unnumbered).flight);
  }
  const [last, before] = made.toReversed();
  if (last === undefined || before === undefined) throw new Error("nothing was made");
  expect(haveOneHiddenClass(last, before)).toBe(true);
});

test("each message of a batch is told with its own outcome, in whatever order they were answered", async () => {
  const entries: Entry[] = [];
  const journal = createJournal([(entry) => entries.push(entry)]);
  const [first, second, third] = [
    { ...request, id: "a" },
    { ...request, id: "b" },
    { ...request, id: "c" },
  ];
  const server = createServer((incoming, response) => {
    const note = journal.begin("private", incoming, response);
    note.asked([first, second, third], 10);
    note.failed(third);
    note.answered(first, { error: { code: -32000, message: "no" } });
    sendPlain(response, { status: 200, body: "[]" });
  });
  const port = await listen(server);
  onTestFinished(() => void server.close());
  await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();
  await expect.poll(() => entries.length).toBe(3);
  expect(entries.map(({ request: one, outcome }) => [one?.id, outcome])).toEqual([
    ["a", "error"],
    ["b", "ok"],
    ["c", "failed"],
  ]);
});
