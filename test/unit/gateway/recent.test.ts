import { expect, test } from "vitest";
import { createRecent } from "../../../src/gateway/recent.ts";

test("what was used among the last half is known, and never more than the most", () => {
  const recent = createRecent<number>(10);
  for (let value = 0; value < 100; value += 1) {
    recent.set(`k${value}`, value);
    expect(recent.size()).toBeLessThanOrEqual(10);
    for (let back = 0; back < Math.min(5, value + 1); back += 1)
      expect(recent.get(`k${value - back}`)).toBe(value - back);
  }
});

test("what is used goes on to be known, however much comes besides", () => {
  const recent = createRecent<number>(10);
  recent.set("kept", 1);
  for (let value = 0; value < 100; value += 1) {
    recent.set(`k${value}`, value);
    expect(recent.get("kept")).toBe(1);
  }
});

test("what was deleted is gone, and what is set again is the new one", () => {
  const recent = createRecent<string>(4);
  for (const key of ["a", "b", "c"]) recent.set(key, "old");
  recent.set("a", "new");
  recent.delete("b");
  recent.delete("c");
  expect([recent.get("a"), recent.get("b"), recent.get("c"), recent.size()]).toEqual(["new", undefined, undefined, 1]);
});
