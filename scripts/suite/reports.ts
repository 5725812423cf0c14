import type { Tally } from "./tally.ts";

/** Reads vitest's JSON report. A file that could not be imported is a failed suite without a failed test. */
export function readVitestReport(text: string): Tally | undefined {
  const report = parseObject(text);
  if (report === undefined) return undefined;
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests, numTodoTests, testResults } = report;
  if (typeof passed !== "number" || typeof failed !== "number" || !Array.isArray(testResults)) return undefined;
  const broken = testResults.filter((file) => file?.status === "failed" && file?.assertionResults?.length === 0).length;
  return { passed, failed: failed + broken, skipped: Number(numPendingTests ?? 0) + Number(numTodoTests ?? 0) };
}

/** Reads TAP, which is honest where bats's JUnit is empty. A plan that was not kept counts as failures. */
export function readTapReport(text: string): Tally | undefined {
  const planned = [...text.matchAll(/^1\.\.(\d+)/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
  if (!/^1\.\.\d+/m.test(text)) return undefined;
  const skipped = text.match(/^ok \d+ .*# skip/gim)?.length ?? 0;
  const passed = (text.match(/^ok \d+/gm)?.length ?? 0) - skipped;
  const failed = text.match(/^not ok \d+/gm)?.length ?? 0;
  return { passed, failed: failed + Math.max(0, planned - passed - skipped - failed), skipped };
}

/** Reads `go test -json`. A package that does not build has no test event, only a failed package. */
export function readGoReport(text: string): Tally | undefined {
  const events = text.split("\n").flatMap((line): Record<string, unknown>[] => {
    const event = parseObject(line);
    return event === undefined ? [] : [event];
  });
  if (events.length === 0) return undefined;
  const count = (action: string, isTest: boolean): number =>
    events.filter((event) => event.Action === action && (event.Test !== undefined) === isTest).length;
  const failedTests = count("fail", true);
  return {
    passed: count("pass", true),
    failed: failedTests + (failedTests === 0 ? count("fail", false) : 0),
    skipped: count("skip", true),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
