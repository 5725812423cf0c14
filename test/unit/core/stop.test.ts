import { expect, test } from "vitest";
import { Stop } from "../../../src/core/stop.ts";

test("a stop tells its listeners once, with the first reason, and keeps it", () => {
  const stop = new Stop();
  const heard: unknown[] = [];
  stop.addEventListener("abort", () => heard.push(stop.reason));
  expect(stop.aborted).toBe(false);
  stop.throwIfAborted();
  stop.abort("first");
  stop.abort("second");
  expect(heard).toEqual(["first"]);
  expect(() => stop.throwIfAborted()).toThrow("first");
});

test("a listener that was taken away hears nothing, and the others do", () => {
  const stop = new Stop();
  const heard: string[] = [];
  const gone = (): void => void heard.push("gone");
  stop.addEventListener("abort", gone);
  stop.addEventListener("abort", () => heard.push("stays"));
  stop.removeEventListener("abort", gone);
  stop.removeEventListener("abort", gone);
  stop.abort("over");
  expect(heard).toEqual(["stays"]);
});

test.each(["before", "after"])(
  "the real signal of a stop is aborted with its reason when it is asked for %s",
  (when) => {
    const stop = new Stop();
    const early = when === "before" ? stop.signal : undefined;
    stop.abort("over");
    const signal = early ?? stop.signal;
    expect([signal.aborted, signal.reason]).toEqual([true, "over"]);
    expect(stop.signal).toBe(signal);
  },
);
