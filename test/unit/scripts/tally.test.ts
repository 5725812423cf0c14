import { describe, expect, it } from "vitest";
import { readGoReport, readTapReport, readVitestReport } from "../../../scripts/suite/reports.ts";
import { sumOf, tallyOf } from "../../../scripts/suite/tally.ts";

describe("tallyOf", () => {
  it("counts a failure when there is no report", () => {
    expect(tallyOf({ exitCode: 0, report: undefined })).toMatchObject({ failed: 1, note: "no report" });
  });

  it("counts a failure when no test ran", () => {
    const report = { passed: 0, failed: 0, skipped: 0 };
    expect(tallyOf({ exitCode: 0, report })).toMatchObject({ failed: 1, note: "no test ran" });
  });

  it("counts a failure when the runner failed and no test did", () => {
    const report = { passed: 3, failed: 0, skipped: 0 };
    expect(tallyOf({ exitCode: 1, report })).toMatchObject({ passed: 3, failed: 1 });
    expect(tallyOf({ exitCode: null, report })).toMatchObject({ passed: 3, failed: 1 });
  });

  it("believes a report that fits the exit code", () => {
    const report = { passed: 3, failed: 2, skipped: 1 };
    expect(tallyOf({ exitCode: 1, report })).toBe(report);
  });
});

describe("readVitestReport", () => {
  it("counts a file that could not be imported as a failure", () => {
    const text = JSON.stringify({
      numPassedTests: 2,
      numFailedTests: 0,
      numPendingTests: 1,
      numTodoTests: 0,
      testResults: [
        { status: "passed", assertionResults: [{}, {}] },
        { status: "failed", assertionResults: [] },
      ],
    });
    expect(readVitestReport(text)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  });

  it("reads nothing from a torn report", () => {
    expect(readVitestReport('{"numPassedTests": 2')).toBeUndefined();
  });
});

describe("readTapReport", () => {
  it("counts passed, failed and skipped tests over several plans", () => {
    const text = "1..3\nok 1 a\nnot ok 2 b\nok 3 c # skip no busybox\n1..1\nok 1 d\n";
    expect(readTapReport(text)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  });

  it("counts tests that were planned and never came as failures", () => {
    expect(readTapReport("1..4\nok 1 a\n")).toEqual({ passed: 1, failed: 3, skipped: 0 });
  });

  it("reads nothing from output without a plan", () => {
    expect(readTapReport("bats: syntax error")).toBeUndefined();
  });
});

describe("readGoReport", () => {
  it("counts tests, and a package that did not build", () => {
    const events = [
      { Action: "pass", Test: "TestA" },
      { Action: "skip", Test: "TestB" },
      { Action: "pass", Package: "a" },
      { Action: "fail", Package: "b" },
    ];
    const text = events.map((event) => JSON.stringify(event)).join("\n");
    expect(readGoReport(text)).toEqual({ passed: 1, failed: 1, skipped: 1 });
  });

  it("counts the failed test and not its package once more", () => {
    const events = [
      { Action: "fail", Test: "TestA" },
      { Action: "fail", Package: "a" },
    ];
    expect(readGoReport(events.map((event) => JSON.stringify(event)).join("\n"))).toMatchObject({ failed: 1 });
  });
});

describe("sumOf", () => {
  it("adds up what the suites counted", () => {
    expect(
      sumOf([
        { passed: 1, failed: 2, skipped: 3 },
        { passed: 4, failed: 0, skipped: 1, note: "x" },
      ]),
    ).toEqual({
      passed: 5,
      failed: 2,
      skipped: 4,
    });
  });
});
