import { expect, test } from "vitest";
import { createLineSplitter, type Line } from "../../../src/streams/lines.ts";
import { fc } from "../../fakes/drawn.ts";
import { splitsOf } from "../../fakes/splits.ts";

function split(chunks: readonly Buffer[], maxLineBytes = 1_000): Line[] {
  const splitter = createLineSplitter(maxLineBytes);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

const texts = (lines: readonly Line[]): string[] =>
  lines.map((line) => (line.kind === "line" ? line.bytes.toString() : `oversize ${line.totalBytes}`));

test("any split of the bytes gives the same lines", () => {
  const line = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => text.replaceAll(/[\r\n]/g, "·"));
  const input = fc.array(line, { minLength: 1, maxLength: 8 }).chain((lines) => {
    const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
    return fc.tuple(fc.constant(lines), splitsOf(bytes));
  });
  fc.assert(
    fc.property(input, ([lines, chunks]) => {
      expect(texts(split(chunks))).toEqual(lines);
    }),
  );
});

test("any split tells the same lines as too long", () => {
  const bytes = Buffer.from(`${"a".repeat(10)}\n${"b".repeat(11)}\r\nc\n${"d".repeat(10)}\r\n${"e".repeat(40)}`);
  fc.assert(
    fc.property(splitsOf(bytes), (chunks) => {
      expect(texts(split(chunks, 10))).toEqual(["a".repeat(10), "oversize 12", "c", "d".repeat(10), "oversize 40"]);
    }),
  );
});

test("an input without a line break at the end has a last line", () => {
  expect(texts(split([Buffer.from("a\nhalf")]))).toEqual(["a", "half"]);
});

test("an oversize line keeps both its ends and little more", () => {
  const [line] = split([Buffer.from(`HEAD${"x".repeat(1_000_000)}`), Buffer.from(`${"y".repeat(500_000)}TAIL\n`)]);
  expect(line).toMatchObject({ kind: "oversize", totalBytes: 1_500_008 });
  if (line?.kind !== "oversize") throw new Error("expected an oversize line");
  expect(line.head.toString()).toMatch(/^HEADx+$/);
  expect(line.tail.toString()).toMatch(/^y+TAIL$/);
  expect(line.head.length + line.tail.length).toBe(8_192);
});
