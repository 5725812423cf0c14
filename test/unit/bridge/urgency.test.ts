import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Patience, patiently } from "../../../src/bridge/patience.ts";
import { createUrgency } from "../../../src/bridge/urgency.ts";
import { dialError } from "../../../src/net/dial-error.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const away = dialError({ layer: "connect", reason: "ECONNREFUSED", target: "node:8443" });

/** Notes every wait, and lets none take time. */
function patience(patienceMs: number) {
  const waits: number[] = [];
  const controller = new AbortController();
  const options: Patience = {
    patienceMs,
    signal: controller.signal,
    connect: () => undefined,
    onWait: () => {},
    urgency: {
      press: () => () => {},
      wait: async (waitMs) => {
        waits.push(waitMs);
        if (waits.length === 14) controller.abort(new Error("enough"));
        controller.signal.throwIfAborted();
      },
    },
  };
  return { waits, options };
}

test("waits in the background grow to 30 s and no further, and never come to an end", async () => {
  const { waits, options } = patience(Number.POSITIVE_INFINITY);
  await expect(patiently(() => Promise.reject(away), options)).rejects.toThrow("enough");
  expect(waits).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000, 30_000]);
});

test("waits of a request grow to a second", async () => {
  const { waits, options } = patience(60_000);
  await expect(patiently(() => Promise.reject(away), options)).rejects.toThrow("enough");
  expect(waits.slice(0, 7)).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
});

/** Returns how long a wait takes, in steps of 250 ms. */
async function lengthOf(wait: Promise<void>): Promise<number> {
  let isOver = false;
  void wait.then(() => {
    isOver = true;
  });
  for (let ms = 0; ms < 100_000; ms += 250) {
    await vi.advanceTimersByTimeAsync(0);
    if (isOver) return ms;
    await vi.advanceTimersByTimeAsync(250);
  }
  return Number.POSITIVE_INFINITY;
}

test.each([
  [0, 15_000],
  [0.5, 22_500],
  [1, 30_000],
])("a wait of 30 s is drawn between the half and the whole: %d gives %d ms", async (drawn, expected) => {
  const urgency = createUrgency(() => drawn);
  expect(await lengthOf(urgency.wait(30_000, new AbortController().signal))).toBe(expected);
});

test("a wait ends at once when a call arrives, and the next are short until the call is over", async () => {
  const urgency = createUrgency(() => 1);
  const { signal } = new AbortController();
  const wait = urgency.wait(30_000, signal);
  await vi.advanceTimersByTimeAsync(1_000);
  const release = urgency.press();
  expect(await lengthOf(wait)).toBe(0);
  expect(await lengthOf(urgency.wait(30_000, signal))).toBe(1_000);
  release();
  expect(await lengthOf(urgency.wait(30_000, signal))).toBe(30_000);
});

test("a wait that is told to stop rejects with the reason", async () => {
  const controller = new AbortController();
  const wait = createUrgency().wait(30_000, controller.signal);
  controller.abort(new Error("over"));
  await expect(wait).rejects.toThrow("over");
});
