import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { takeLines } from "../../../src/streams/take-lines.ts";

test("lines come in order, whole, and the last one without its end too", async () => {
  const input = new PassThrough();
  const taken: string[] = [];
  const over = takeLines(input, 5, (line) => {
    taken.push(line.kind === "line" ? line.bytes.toString() : `oversize ${line.totalBytes}`);
    return undefined;
  });
  for (const part of ["on", "e\ntwo\n", "too long\n", "half"]) input.write(part);
  input.end();
  await over;
  expect(taken).toEqual(["one", "two", "oversize 8", "half"]);
});

test("nothing is taken, and little read, while a line is being dealt with", async () => {
  const input = new PassThrough({ highWaterMark: 16 });
  const taken: string[] = [];
  let goOn: () => void = () => {};
  const over = takeLines(input, 100, (line) => {
    taken.push(line.kind === "line" ? line.bytes.toString() : "");
    return new Promise<void>((resolve) => {
      goOn = resolve;
    });
  });
  input.write("one\ntwo\n");
  input.write("three\n");
  await nextTurn();
  expect([taken, input.isPaused()]).toEqual([["one"], true]);
  expect(input.write("x".repeat(50))).toBe(false);
  input.end("\n");
  for (const count of [2, 3, 4]) {
    goOn();
    await nextTurn();
    await nextTurn();
    expect(taken.length).toBe(count);
  }
  goOn();
  await over;
  expect(taken).toEqual(["one", "two", "three", "x".repeat(50)]);
});

test("an input that is closed has ended, and one that breaks tells why", async () => {
  const closed = new PassThrough();
  const closing = takeLines(closed, 100, () => undefined);
  closed.destroy();
  await closing;
  const broken = new PassThrough();
  const breaking = takeLines(broken, 100, () => undefined);
  broken.destroy(new Error("gone"));
  await expect(breaking).rejects.toThrow("gone");
});

test("a line that cannot be dealt with ends the intake with its error", async () => {
  const input = new PassThrough();
  const over = takeLines(input, 100, () => Promise.reject(new Error("no")));
  input.write("one\n");
  await expect(over).rejects.toThrow("no");
});
