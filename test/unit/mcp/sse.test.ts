import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createSseParser, type SseItem } from "../../../src/mcp/sse.ts";
import { fc } from "../../fakes/drawn.ts";
import { splitsOf } from "../../fakes/splits.ts";

function parse(chunks: readonly Buffer[], maxEventBytes = 1_000): SseItem[] {
  const parser = createSseParser({ maxEventBytes });
  return chunks.flatMap((chunk) => parser.push(chunk));
}

const shown = (items: readonly SseItem[]): unknown[] =>
  items.map((item) => (item.kind === "event" ? [item.type, item.data.toString(), item.lastEventId] : item));

const one = (text: string, maxEventBytes?: number): unknown[] => shown(parse([Buffer.from(text)], maxEventBytes));

test.each([
  ["data: a\n\n", [["message", "a", undefined]]],
  ["data:a\ndata: b\ndata\n\n", [["message", "a\nb\n", undefined]]],
  ["event: ping\ndata: {}\n\n", [["ping", "{}", undefined]]],
  [
    "id: 7\ndata: a\n\ndata: b\n\n",
    [
      ["message", "a", "7"],
      ["message", "b", "7"],
    ],
  ],
  ["id: 7\ndata:\n\n", [["message", "", "7"]]],
  [": comment\n\ndata: a\n\n", [["message", "a", undefined]]],
  ["retry: 1500\nretry: soon\n\n", [{ kind: "retry", delayMs: 1500 }]],
  ["\uFEFFdata: a\n\n", [["message", "a", undefined]]],
  ["data:  two blanks\n\n", [["message", " two blanks", undefined]]],
  ["data: cut off", []],
  ["id: a\0b\ndata: x\n\n", [["message", "x", undefined]]],
  ["id: 7\n\n", [["message", "", "7"]]],
  [
    "id: 7\n\n\n: still here\n\ndata: a\n\n",
    [
      ["message", "", "7"],
      ["message", "a", "7"],
    ],
  ],
  [
    "id: a\ndata: 1\n\nid: b\u0001\ndata: 2\n\n",
    [
      ["message", "1", "a"],
      ["message", "2", undefined],
    ],
  ],
])("%j gives %j", (text, items) => {
  expect(one(text)).toEqual(items);
});

test.each(["\n", "\r", "\r\n"])("any split gives the same events when lines end in %j", (end) => {
  const idInHeader = Buffer.from("é1").toString("latin1");
  const text = [": hi", "event: message", "id: é1", 'data: {"a":"ü€😀"}', "data: 2", "", "data: 3", "", ""].join(end);
  fc.assert(
    fc.property(splitsOf(Buffer.from(text)), (chunks) => {
      expect(shown(parse(chunks))).toEqual([
        ["message", '{"a":"ü€😀"}\n2', idInHeader],
        ["message", "3", idInHeader],
      ]);
    }),
  );
});

test("an event over the limit is told and the next one comes, in any split", () => {
  const text = `data: ${"x".repeat(8_000)}\n\ndata: ${"y".repeat(60)}\ndata: ${"y".repeat(60)}\n\ndata: ok\n\n`;
  fc.assert(
    fc.property(splitsOf(Buffer.from(text)), (chunks) => {
      const items = parse(chunks, 100);
      expect(items.map((item) => item.kind)).toEqual(["oversize", "oversize", "event"]);
    }),
  );
});

test.each([
  ["line", `data: ${"x".repeat(10_000)}`],
  ["event", "data: xxxxxxxxx\n".repeat(1_000)],
  ["field that is none", "x".repeat(10_000)],
])("a %s without end is told once, as soon as it is over the limit", (_what, text) => {
  const parser = createSseParser({ maxEventBytes: 1_000 });
  const items = [...parser.push(Buffer.from(text)), ...parser.push(Buffer.from(text))];
  expect(items).toEqual([{ kind: "oversize", maxBytes: 1_000 }]);
  expect(shown(parser.push(Buffer.from("\n\ndata: on\n\n")))).toEqual([["message", "on", undefined]]);
});

test("of a stream that never ends a line no more is kept than the limit", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const parser = createSseParser({ maxEventBytes: 1_000 });
  const chunk = Buffer.alloc(65_536, "x");
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 2_000; count++) parser.push(Buffer.from(chunk));
  // The second waits for what the first has left to another thread.
  for (const _ of [1, 2]) collectGarbage();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * chunk.length);
  expect(parser.push(Buffer.from("\n\ndata: on\n\n")).at(-1)).toMatchObject({ kind: "event" });
});
