import { expect, test } from "vitest";
import { createKeepAlive } from "../../../src/net/keep-alive.ts";

function start() {
  let nowMs = 0;
  const keepAlive = createKeepAlive(() => nowMs);
  return {
    keepAlive,
    pass: (ms: number): void => {
      nowMs += ms;
    },
  };
}

test("connections are used again until the server is seen to close one soon after its answer", async () => {
  const { keepAlive, pass } = start();
  expect(await keepAlive.isKept()).toBe(true);
  const closed = keepAlive.freed();
  pass(900);
  closed();
  expect(await keepAlive.isKept()).toBe(false);
});

test("a server that closes what was idle for seconds keeps its connections", async () => {
  const { keepAlive, pass } = start();
  const closed = keepAlive.freed();
  pass(5_000);
  closed();
  expect(await keepAlive.isKept()).toBe(true);
});

test("a connection that broke when it was used again is one that was not kept, and a minute later there is a new trial", async () => {
  const { keepAlive, pass } = start();
  keepAlive.reused("broken");
  expect(await keepAlive.isKept()).toBe(false);
  pass(60_001);
  expect(await keepAlive.isKept()).toBe(true);
});

test("a server that kept connections and is started anew gets another trial", async () => {
  const { keepAlive } = start();
  keepAlive.reused("answered");
  keepAlive.freed()();
  expect(await keepAlive.isKept()).toBe(true);
  keepAlive.freed()();
  expect(await keepAlive.isKept()).toBe(false);
});

test("a connection waits for less than 5 s, and for less than the server was seen to wait, until that is long ago", () => {
  const { keepAlive, pass } = start();
  expect(keepAlive.longestIdleMs()).toBe(4_000);
  const closed = keepAlive.freed();
  pass(2_000);
  closed();
  expect(keepAlive.longestIdleMs()).toBe(1_500);
  const closedLate = keepAlive.freed();
  pass(20_000);
  closedLate();
  expect(keepAlive.longestIdleMs()).toBe(4_000);
  const closedAgain = keepAlive.freed();
  pass(2_000);
  closedAgain();
  pass(60_000);
  expect(keepAlive.longestIdleMs()).toBe(4_000);
});
