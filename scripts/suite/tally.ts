/** What one runner reported. `note` says why something counts that the report does not show. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly note?: string;
}

/** A runner's end: its exit code (null when it could not start or was killed) and what its own report says. */
export interface RunnerEnd {
  readonly exitCode: number | null;
  /** Undefined when there is no report, or none that can be read. */
  readonly report: Tally | undefined;
}

/**
 * Returns what a runner counts for. A report alone is not believed: no report, no test run, and a failing exit without
 * a failure in the report are one failure more each, because runners report nothing of what broke them.
 */
export function tallyOf({ exitCode, report }: RunnerEnd): Tally {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0, note: "no report" };
  if (report.passed + report.failed + report.skipped === 0) return { ...report, failed: 1, note: "no test ran" };
  if (exitCode !== 0 && report.failed === 0) {
    return { ...report, failed: 1, note: `ended with ${exitCode ?? "a signal"}, though no test failed` };
  }
  return report;
}

/** Returns the sum of all. */
export function sumOf(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}
