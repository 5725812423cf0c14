import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { untilAborted } from "../../../src/core/until-aborted.ts";

test("untilAborted returns what the work returns, and rejects with the signal's reason when that is first", async () => {
  const controller = new AbortController();
  expect(await untilAborted(Promise.resolve(7), controller.signal)).toBe(7);
  const waiting = untilAborted(new Promise(() => {}), controller.signal);
  controller.abort("SIGTERM");
  await expect(waiting).rejects.toBe("SIGTERM");
});

test("untilAborted leaves no rejection to nobody when the signal was aborted before the work fails", async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", listen);
  try {
    await expect(untilAborted(Promise.reject(new Error("late")), AbortSignal.abort("SIGTERM"))).rejects.toBe("SIGTERM");
    // Node tells of them when the microtasks of a turn are done.
    await turn();
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", listen);
  }
});
