import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { timeoutSignal } from "../../../src/core/timeout-signal.ts";

test("a time-out that only a combined signal knows comes, though the garbage collector does too", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const never = new AbortController();
  const fired = Array.from({ length: 20 }, () => untilAborted(AbortSignal.any([never.signal, timeoutSignal(200)])));
  // What the loop above made is garbage only once its turn is over.
  await new Promise(setImmediate);
  collectGarbage();
  expect(new Set(await Promise.all(fired))).toEqual(new Set(["TimeoutError"]));
});

function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason.name)));
}
