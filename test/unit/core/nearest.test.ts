import { expect, test } from "vitest";
import { nearest } from "../../../src/core/nearest.ts";

test.each([
  ["doctr", ["doctor", "down"], "doctor"],
  ["stauts", ["status", "sandbox"], "status"],
  ["UP", ["up", "run"], "up"],
  ["env", ["run", "envs", "end"], "envs"],
  ["xx", ["up"], undefined],
  ["", ["up"], undefined],
  ["doctor", [], undefined],
])("nearest of %j in %j is %j", (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});

test("nearest answers at once when the word has megabytes", () => {
  expect(nearest("x".repeat(4_000_000), ["doctor"])).toBeUndefined();
});
