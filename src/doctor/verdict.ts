import type { CheckResult } from "./engine.ts";

export type Verdict = "pass" | "fail" | "unknown";

/** Returns what the results come to: a failure decides; else what could not be found out; else it passes. */
export function verdictOf(
  results: readonly Pick<CheckResult, "status" | "mandatory">[],
  { strict }: { strict: boolean },
): Verdict {
  if (results.some(({ status }) => status === "fail" || (strict && status === "warn"))) return "fail";
  const open = results.some(({ status, mandatory }) => mandatory && (status === "skip" || status === "unknown"));
  return open ? "unknown" : "pass";
}

/** Returns the exit code of a verdict (CONTRACT): 0, 1, 3. */
export function exitCodeOf(verdict: Verdict): 0 | 1 | 3 {
  return verdict === "pass" ? 0 : verdict === "fail" ? 1 : 3;
}
