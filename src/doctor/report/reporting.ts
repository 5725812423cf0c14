import type { Check } from "../check.ts";
import type { CheckResult } from "../engine.ts";
import { plainText } from "../plain-text.ts";
import type { DoctorReport } from "../run-doctor.ts";

/** Where a finding is shown: a file of the repository, relative to its top, with slashes. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a report is made of. */
export interface Reporting {
  readonly report: DoctorReport;
  readonly catalogue: readonly Check[];
  readonly strict: boolean;
  /** Where a server is configured, by its name; `fallback` stands for the others and for this machine. */
  readonly places: ReadonlyMap<string, Place>;
  readonly fallback: Place;
  /** When the run began. */
  readonly startedAt: Date;
}

/** What a finding comes to in a format that knows four words. */
export type Weight = "failure" | "unproven" | "remark" | "none";

/** Returns what a result weighs: as in the verdict, so that no two formats disagree with the exit code. */
export function weightOf({ status, mandatory }: CheckResult, { strict }: { readonly strict: boolean }): Weight {
  if (status === "fail" || (strict && status === "warn")) return "failure";
  if (mandatory && (status === "unknown" || status === "skip")) return "unproven";
  return status === "warn" || status === "unknown" ? "remark" : "none";
}

export function placeOf({ target }: CheckResult, { places, fallback }: Reporting): Place {
  return (target === null ? undefined : places.get(target)) ?? fallback;
}

/** Returns a text of the report without what could move a cursor or hide, in one line, of whatever length. */
export function shown(text: string): string {
  return plainText(text, Number.POSITIVE_INFINITY);
}

/** Returns what a result says beyond its message: why, how to repeat it, what to do. */
export function detailsOf({
  facts,
  reproduce,
  hint,
}: CheckResult): readonly (readonly [label: string, text: string])[] {
  return [
    ...(typeof facts.why === "string" ? [["why", shown(facts.why)] as const] : []),
    ...(reproduce === null ? [] : [["try", shown(reproduce)] as const]),
    ...(hint === null ? [] : [["do", shown(hint)] as const]),
  ];
}
