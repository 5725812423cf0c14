import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createWaitingLine } from "../../../src/gateway/waiting-line.ts";

test("those whose time has come together go one in each turn of the event loop, in the order in which they came", async () => {
  const line = createWaitingLine(() => 1_000);
  const gone: number[] = [];
  for (const each of [0, 1, 2, 3]) void line.until(1_000).then(() => gone.push(each));
  // The first, as it asks.
  const seen = [1];
  while (gone.length < 4) {
    await nextTurn();
    seen.push(gone.length);
  }
  expect(seen.every((count, at) => count - (seen[at - 1] ?? count) <= 1)).toBe(true);
  expect(gone).toEqual([0, 1, 2, 3]);
});

test("nobody goes before the time, and whoever comes after a pause waits again", async () => {
  let nowMs = 0;
  const line = createWaitingLine(() => nowMs);
  const asked = (atMs: number): Promise<number> => line.until(atMs).then(() => nowMs);
  const [first, second] = [asked(1), asked(3)];
  let areThere = false;
  const all = Promise.all([first, second, asked(3)]).finally(() => {
    areThere = true;
  });
  while (!areThere) {
    await nextTurn();
    nowMs += 0.01;
  }
  const [atFirst, atSecond, atThird] = await all;
  expect(atFirst).toBeGreaterThanOrEqual(1);
  expect(atSecond).toBeGreaterThanOrEqual(3);
  expect(atThird).toBeGreaterThanOrEqual(3);
  expect(await asked(nowMs)).toBe(nowMs);
});
