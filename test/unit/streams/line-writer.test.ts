import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLineWriter } from "../../../src/streams/line-writer.ts";

/** Takes a chunk only when told to. */
function slowStream() {
  const taken: string[] = [];
  let release: (() => void) | undefined;
  const stream = new Writable({
    highWaterMark: 4,
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      release = () => done();
    },
  });
  return { stream, taken, step: () => release?.() };
}

test("a write waits while the reader is slow, and lines stay whole and in order", async () => {
  const { stream, taken, step } = slowStream();
  const writer = createLineWriter(stream);
  expect(await writer.write(Buffer.from("first"))).toBe("written");
  let isDone = false;
  const second = writer.write(Buffer.from("second")).then((outcome) => {
    isDone = true;
    return outcome;
  });
  await new Promise(setImmediate);
  expect(isDone).toBe(false);
  for (; !isDone; await new Promise(setImmediate)) step();
  expect(await second).toBe("written");
  while (taken.join("").length < "first\nsecond\n".length) {
    step();
    await new Promise(setImmediate);
  }
  expect(taken.join("")).toBe("first\nsecond\n");
});

test("the first line of a turn goes out at once, and those behind it in one write", async () => {
  const taken: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      done();
    },
  });
  const writer = createLineWriter(stream);
  const written = ["one", "two", "three"].map((line) => writer.write(Buffer.from(line)));
  expect(taken).toEqual(["one\n"]);
  await Promise.all(written);
  await writer.flushed();
  expect(taken.filter((chunk) => chunk !== "")).toEqual(["one\n", "two\nthree\n"]);
});

test("lines too long to be put together go out whole and in order", async () => {
  const taken: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      taken.push(chunk);
      done();
    },
  });
  const writer = createLineWriter(stream);
  const lines = ["a", "b", "c"].map((letter) => letter.repeat(60_000));
  await Promise.all(lines.map((line) => writer.write(Buffer.from(line))));
  await writer.flushed();
  expect(Buffer.concat(taken).toString()).toBe(lines.map((line) => `${line}\n`).join(""));
});

test.each(["close", "error"])("a waiting write ends as closed on %s", async (how) => {
  const { stream } = slowStream();
  const writer = createLineWriter(stream);
  await writer.write(Buffer.from("first"));
  const waiting = [writer.write(Buffer.from("second")), writer.write(Buffer.from("third"))];
  stream.destroy(how === "error" ? new Error("EPIPE") : undefined);
  expect(await Promise.all(waiting)).toEqual(["closed", "closed"]);
  await writer.closed;
});

test("a write to a stream that is gone ends as closed at once", async () => {
  const { stream } = slowStream();
  stream.destroy();
  const writer = createLineWriter(stream);
  expect(await writer.write(Buffer.from("x"))).toBe("closed");
  await writer.closed;
});
