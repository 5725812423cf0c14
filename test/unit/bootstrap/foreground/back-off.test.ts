import { expect, it } from "vitest";
import { backOffMs } from "../../../../src/bootstrap/foreground/back-off.ts";

it.each([
  [0, 0],
  [1, 0],
  [2, 500],
  [3, 1_000],
  [7, 16_000],
  [8, 30_000],
  [10_000, 30_000],
])("after %d ends in a row the next start waits %d ms", (ends, waitMs) => {
  expect(backOffMs(ends)).toBe(waitMs);
});
