import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createLineSink, toDescriptor, toStream } from "../../../src/streams/line-sink.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("lines arrive whole and in order, many in one write", async () => {
  const writes: string[] = [];
  const sink = createLineSink((bytes, done) => {
    writes.push(bytes.toString());
    setImmediate(done);
  });
  for (let number = 0; number < 1_000; number++) sink.line(`line ${number}`);
  await sink.flush(1_000);
  expect(writes.join("")).toBe(Array.from({ length: 1_000 }, (_, number) => `line ${number}\n`).join(""));
  expect(writes.length).toBeLessThan(3);
});

test("lines that come one after the other are gathered, and none waits for more to come", async () => {
  const writes: string[] = [];
  const sink = createLineSink((bytes, done) => {
    writes.push(bytes.toString());
    setImmediate(done);
  });
  for (let number = 0; number < 20; number++) {
    sink.line(String(number));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => writes.join("").split("\n").length).toBe(21);
  expect(writes.length).toBeLessThan(10);
});

test("a reader that does not read costs no more than the limit, and lines dropped meanwhile are counted", async () => {
  let take: (() => void) | undefined;
  const taken: number[] = [];
  const sink = createLineSink((bytes, done) => {
    taken.push(bytes.length);
    take = done;
  }, 1_000);
  sink.line("x".repeat(499));
  await expect.poll(() => taken).toEqual([500]);
  for (let number = 0; number < 100; number++) sink.line("y".repeat(99));
  expect(sink.dropped()).toBe(95);
  await sink.flush(1);
  take?.();
  await expect.poll(() => taken).toEqual([500, 500]);
  take?.();
  sink.line("goes on");
  await expect.poll(() => taken.at(-1)).toBe(8);
});

test("a file gets the lines behind what it holds, and a full disk drops them", async () => {
  const path = join(temporaryDirectory(), "log");
  const fd = openSync(path, "a");
  const sink = createLineSink(toDescriptor(fd));
  sink.line("one");
  sink.line("two");
  await sink.flush(5_000);
  closeSync(fd);
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  const full = openSync("/dev/full", "w");
  const lost = createLineSink(toDescriptor(full));
  lost.line("one");
  lost.line("two");
  await lost.flush(5_000);
  closeSync(full);
  expect(lost.dropped()).toBe(2);
});

test("a line of which only the beginning found room is not made longer by the next one", async () => {
  const path = join(temporaryDirectory(), "fifo");
  execFileSync("mkfifo", [path]);
  // It takes what fits, and refuses the rest, as a disk does that becomes full.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const room = Buffer.alloc(1024 * 1024);
  const write = toDescriptor(fd);
  const writing = (text: string) => new Promise((done) => write(Buffer.from(text), done));
  expect(await writing(`${"x".repeat(room.length)}\n`)).toMatchObject({ code: "EAGAIN" });
  expect(readSync(fd, room)).toBeLessThan(room.length);
  for (const line of ["next", "last"]) expect(await writing(`${line}\n`)).toBeNull();
  expect(room.toString("utf8", 0, readSync(fd, room))).toBe("\nnext\nlast\n");
  closeSync(fd);
});

test("a stream whose reader has gone drops lines and ends nothing", async () => {
  const stream = new PassThrough();
  const sink = createLineSink(toStream(stream));
  sink.line("one");
  await sink.flush(1_000);
  stream.destroy(new Error("EPIPE"));
  sink.line("two");
  await sink.flush(1_000);
  expect(sink.dropped()).toBe(1);
});
