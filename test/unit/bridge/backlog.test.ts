import { expect, test } from "vitest";
import { createBacklog } from "../../../src/bridge/backlog.ts";

function work() {
  let finish: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { promise, finish };
}

test("the intake goes on until the limit, waits past it, and goes on when work is done", async () => {
  const backlog = createBacklog(10_000);
  const first = work();
  const second = work();
  await backlog.add(6_000, first.promise);
  let hasRoom = false;
  const waiting = backlog.add(6_000, second.promise)?.then(() => {
    hasRoom = true;
  });
  await new Promise(setImmediate);
  expect(hasRoom).toBe(false);
  first.finish();
  await waiting;
});

test("a flood of tiny messages reaches the limit too", async () => {
  const backlog = createBacklog(10_000);
  const outcomes = Array.from({ length: 10 }, () => backlog.add(1, new Promise(() => {})));
  const open = await Promise.race([
    outcomes[9]?.then(() => "open"),
    new Promise((resolve) => setImmediate(resolve, "full")),
  ]);
  expect(open).toBe("full");
});
