import { expect, test } from "vitest";
import { formatDuration, parseDurationMs } from "../../../src/core/duration.ts";
import { fc } from "../../fakes/drawn.ts";

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["1.5s", 1_500],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["0s", 0],
])("parseDurationMs reads %s as %d ms", (text, ms) => {
  expect(parseDurationMs(text, "--timeout")).toBe(ms);
});

test.each(["", "5", "-5s", "5 s", "s", "1e3s", "5S", "5d", "٥s", "600h", "99999999999ms", "5s\n"])(
  "parseDurationMs refuses %j and names the option",
  (text) => {
    expect(() => parseDurationMs(text, "--timeout")).toThrowError(
      expect.objectContaining({
        code: "usage-invalid",
        message: `--timeout: ${JSON.stringify(text)} is not a duration`,
      }),
    );
  },
);

test("formatDuration writes what parseDurationMs reads back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (ms) => {
      expect(parseDurationMs(formatDuration(ms), "x")).toBe(ms);
    }),
  );
  expect([90_000, 1_500, 120_000].map(formatDuration)).toEqual(["90s", "1500ms", "2m"]);
});
