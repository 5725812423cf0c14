import { expect, test } from "vitest";
import { realSignal, Stop, type StopSignal } from "../../../src/core/stop.ts";

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

test.each([
  ["a real signal", () => new AbortController()],
  ["a stop", () => new Stop()],
  ["what only looks like one", lookalike],
])("%s, made a real one, is aborted with its reason", (_what, create) => {
  for (const when of ["before", "after"]) {
    const source = create();
    const of = source instanceof AbortController ? source.signal : source;
    const early = when === "before" ? realSignal(of) : undefined;
    source.abort("over");
    const signal = early ?? realSignal(of);
    expect(signal).toBeInstanceOf(AbortSignal);
    expect([signal.aborted, signal.reason]).toEqual([true, "over"]);
  }
});

/** The interface and no more. */
function lookalike(): StopSignal & { abort(reason: unknown): void } {
  const stop = new Stop();
  return {
    get aborted() {
      return stop.aborted;
    },
    get reason() {
      return stop.reason;
    },
    throwIfAborted: () => stop.throwIfAborted(),
    addEventListener: (type, listener) => stop.addEventListener(type, listener),
    removeEventListener: (type, listener) => stop.removeEventListener(type, listener),
    abort: (reason) => stop.abort(reason),
  };
}
