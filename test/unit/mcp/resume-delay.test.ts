import { expect, test } from "vitest";
import { resumeDelay } from "../../../src/mcp/resume-delay.ts";

test.each([
  [undefined, 1_000],
  [500, 500],
  [60_000, 60_000],
  [0, 100],
  [999_999_999, 600_000],
])("a server that says %j is asked again after %d ms", (askedMs, waitedMs) => {
  expect(resumeDelay(askedMs)).toBe(waitedMs);
});
