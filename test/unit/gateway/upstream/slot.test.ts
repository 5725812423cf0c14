import { expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../../../src/core/log.ts";
import { UpstreamFailure } from "../../../../src/gateway/upstream/failure.ts";
import { createSlot, type Slot } from "../../../../src/gateway/upstream/stdio/slot.ts";
import type { RunningServer } from "../../../../src/gateway/upstream/stdio/start-server.ts";

/** A server whose starts fail until it is mended. */
function failingSlot(isWanted = false): { slot: Slot; startsMs: number[]; mend: () => void } {
  const startsMs: number[] = [];
  let isMended = false;
  const slot = createSlot({
    name: "notes",
    log: silentLog,
    isWanted: () => isWanted,
    async start() {
      startsMs.push(performance.now());
      if (isMended) return runningServer;
      throw new UpstreamFailure("unreachable", "has ended");
    },
  });
  onTestFinished(() => slot.close());
  const mend = (): void => {
    isMended = true;
  };
  return { slot, startsMs, mend };
}

const runningServer: RunningServer = {
  wire: {
    isOpen: true,
    inFlight: 0,
    closed: new Promise(() => {}),
    request: () => Promise.reject(new Error("asks nothing")),
    notify: () => {},
    respond: () => {},
    attach: () => {},
    detach: () => {},
  },
  result: {},
  stop: async () => {},
};

/** A timer may come a millisecond before the clock. */
const earlyMs = 2;

test("a server that dies at once is started again after ever longer waits, and not for everybody who asks", async () => {
  const { slot, startsMs } = failingSlot();
  for (let round = 0; round < 4; round++) {
    const asked = await Promise.allSettled(Array.from({ length: 50 }, () => slot.ready()));
    expect(asked.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => "rejected"));
    expect(startsMs.length).toBe(round + 1);
  }
  expect(slot.state).toBe("failing");
  const waitsMs = startsMs.slice(1).map((at, index) => at - (startsMs[index] ?? 0));
  expect(waitsMs.map((waitMs, index) => waitMs >= ([0, 250, 500][index] ?? 0) - earlyMs)).toEqual([true, true, true]);
});

test("while the wait is long everybody is told at once why, and nothing is started", async () => {
  const { slot, startsMs } = failingSlot();
  while (startsMs.length < 6) await expect(slot.ready()).rejects.toThrow("has ended");
  const [fifth = 0, sixth = 0] = startsMs.slice(4);
  expect(sixth - fifth).toBeGreaterThanOrEqual(2_000 - earlyMs);
  const sinceMs = performance.now() - sixth;
  await expect(slot.ready()).rejects.toThrow("has ended");
  // A machine that stood still meanwhile may be close to the next start, for which everybody waits.
  expect(startsMs.length === 6 || sinceMs > 1_900).toBe(true);
});

test("who asks while a mended server waits for its next start is answered by it, unseen", async () => {
  const { slot, startsMs, mend } = failingSlot();
  for (let round = 0; round < 3; round++) await slot.ready().catch(() => {});
  const asking = Promise.all([slot.ready(), slot.ready()]);
  mend();
  expect(await asking).toEqual([runningServer, runningServer]);
  expect(startsMs.length).toBe(4);
  expect(slot.state).toBe("ready");
});

test("a server that somebody listens to is started again though nobody asks", async () => {
  const { slot, startsMs, mend } = failingSlot(true);
  await slot.ready().catch(() => {});
  await expect.poll(() => startsMs.length, { timeout: 20_000 }).toBeGreaterThan(1);
  mend();
  await expect.poll(() => slot.state, { timeout: 20_000 }).toBe("ready");
});
