import { expect, test } from "vitest";
import { createFlights } from "../../../../src/gateway/upstream/stdio/flights.ts";
import { objectAt } from "../../../../src/mcp/json.ts";
import type { Message, MessageId, RequestMessage, ResponseMessage } from "../../../../src/mcp/message.ts";
import { fc } from "../../../fakes/drawn.ts";

/** Few values, so that callers choose alike. */
const someId = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("0", "1", "a", ""));

type Step =
  | { readonly kind: "ask"; readonly owner: number; readonly id: MessageId; readonly token: MessageId | undefined }
  | { readonly kind: "answer" | "progress" | "cancel" | "stray"; readonly at: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("ask" as const),
    owner: fc.integer({ min: 0, max: 2 }),
    id: someId,
    token: fc.option(someId, { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom("answer", "progress", "cancel", "stray"), at: fc.nat() }),
);

/** One request as its caller sees it. */
interface Sent {
  readonly serial: number;
  readonly owner: number;
  readonly id: MessageId;
  readonly token: MessageId | undefined;
  readonly wireId: MessageId;
  readonly wireToken: MessageId | undefined;
  readonly answers: ResponseMessage[];
  readonly heard: Message[];
  readonly expected: number[];
  isOver: boolean;
}

test("whatever callers choose and in whatever order the child answers, each gets its own answers and progress, once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const flights = createFlights<number>();
      const sent: Sent[] = [];
      let count = 0;
      for (const one of steps) {
        if (one.kind === "ask") {
          sent.push(ask(one, sent.length));
          continue;
        }
        count += 1;
        const target = sent[one.at % Math.max(sent.length, 1)];
        if (target === undefined) continue;
        if (one.kind === "answer") {
          const taken = flights.answer({
            kind: "response",
            id: target.wireId,
            outcome: { result: { for: target.serial } },
          });
          expect(taken !== undefined).toBe(!target.isOver);
          target.isOver = true;
        } else if (one.kind === "progress") {
          const params = { progressToken: target.wireToken ?? target.wireId, progress: count };
          flights.tell({ kind: "notification", method: "notifications/progress", params }, 0);
          if (!target.isOver && target.token !== undefined) target.expected.push(count);
        } else if (one.kind === "cancel") {
          const flight = flights.find(target.owner, target.id);
          if (flight !== undefined) flights.remove(flight);
          const gone = sent.find(({ wireId }) => wireId === flight?.id);
          if (gone !== undefined) gone.isOver = true;
        } else {
          for (const id of [null, String(target.wireId), -1, 0, 1_000_000]) {
            expect(flights.answer({ kind: "response", id, outcome: { result: {} } })).toBeUndefined();
          }
        }
      }
      expect(new Set(sent.map(({ wireId }) => wireId)).size).toBe(sent.length);
      expect(flights.size).toBe(sent.filter(({ isOver }) => !isOver).length);
      for (const one of sent) {
        expect(one.answers.length).toBeLessThanOrEqual(1);
        for (const { id, outcome } of one.answers)
          expect({ id, outcome }).toEqual({ id: one.id, outcome: { result: { for: one.serial } } });
        expect(one.heard.map((message) => ("params" in message ? message.params : undefined))).toEqual(
          one.expected.map((progress) => ({ progressToken: one.token, progress })),
        );
      }

      function ask({ owner, id, token }: Extract<Step, { kind: "ask" }>, serial: number): Sent {
        const heard: Message[] = [];
        const answers: ResponseMessage[] = [];
        const params = token === undefined ? undefined : { _meta: { progressToken: token, kept: serial } };
        const request: RequestMessage = { kind: "request", id, method: "tools/call", params };
        const { request: seen } = flights.add({
          owner,
          request,
          heardMs: 0,
          onMessage: (message) => heard.push(message),
          settle: (answer) => answers.push(answer),
          fail: () => {},
        });
        const meta = objectAt(seen.params, "_meta");
        const wireToken = meta?.progressToken;
        expect(meta?.kept).toBe(token === undefined ? undefined : serial);
        const isId = typeof wireToken === "string" || typeof wireToken === "number";
        return {
          ...{ serial, owner, id, token, heard, answers, expected: [], isOver: false },
          wireId: seen.id,
          wireToken: isId ? wireToken : undefined,
        };
      }
    }),
    { numRuns: 500 },
  );
});

test("a subscription's messages come back under the caller's id, and another's do not", () => {
  const flights = createFlights<number>();
  const heard: Message[][] = [[], []];
  const added = heard.map((list, owner) =>
    flights.add({
      owner,
      request: { kind: "request", id: "sub", method: "subscriptions/listen", params: {} },
      heardMs: 0,
      onMessage: (message) => list.push(message),
      settle: () => {},
      fail: () => {},
    }),
  );
  const key = "io.modelcontextprotocol/subscriptionId";
  const note = (id: unknown) => ({
    kind: "notification" as const,
    method: "notifications/tools/list_changed",
    params: { _meta: { [key]: id, kept: 1 } },
  });
  expect(flights.tell(note(added[1]?.flight.id), 5)).toBe(added[1]?.flight);
  for (const id of ["sub", 99, null, {}]) expect(flights.tell(note(id), 0)).toBeUndefined();
  expect(heard).toEqual([[], [note("sub")]]);
});
