import type { JsonObject } from "../core/record.ts";
import type { MachineContext, TargetContext } from "./context.ts";

/** The parts of the path, in the order in which a fault in one explains a fault in the next. */
export const groups = ["platform", "tailscale", "proxy", "tailnet", "public", "separation"] as const;
export type Group = (typeof groups)[number];

/** For ever: users' scripts name checks by it. */
export type CheckId = `${Group}.${string}`;

export type Status = "pass" | "warn" | "fail" | "skip" | "unknown";

/** What a check found. `skip` says that the question does not arise here; it holds up nothing that needs the check. */
export interface Outcome {
  readonly status: Status;
  /** One line, lower case, without a full stop. May quote what a server said: renderers strip it. */
  readonly message: string;
  readonly facts?: JsonObject;
  /** A shell line that shows the finding without tsmcp; secrets stand in it as `$VAR`. */
  readonly reproduce?: string;
  /** What to do, as one imperative sentence. */
  readonly hint?: string;
}

interface CheckBase<Found> {
  readonly id: CheckId;
  readonly group: Group;
  /** What is so when it passes, as a short sentence. */
  readonly title: string;
  /** Checks that must not have failed before; their own needs come with them. */
  readonly needs: readonly CheckId[];
  readonly timeoutMs: number;
  /** Sends what no real host may be sent: run in a sandbox alone. */
  readonly sandboxOnly?: true;
  /** Whether a verdict of `pass` depends on it. */
  readonly mandatory?: true;
  /** Where the fact it stands on can be read. */
  readonly source: string;
  readonly explain: { readonly proves: string; readonly breaks: string; readonly mend: string };
  /** Pure: decides from what `gather` brought. */
  judge(found: Found): Outcome;
}

/** A check of this machine: run once, whatever the number of servers. */
export interface MachineCheck<Found = unknown> extends CheckBase<Found> {
  readonly subject: "machine";
  /** Touches the world; ends when `signal` fires. A `TsmcpError` makes the check `unknown`. */
  gather(context: MachineContext, signal: AbortSignal): Promise<Found>;
}

/** A check of one server: run for each. */
export interface TargetCheck<Found = unknown> extends CheckBase<Found> {
  readonly subject: "target";
  /** Needs that depend on what was asked for. */
  moreNeeds?(context: TargetContext): readonly CheckId[];
  gather(context: TargetContext, signal: AbortSignal): Promise<Found>;
}

export type Check = MachineCheck | TargetCheck;

/** Returns `check` as it is; lets the compiler hold `gather` and `judge` together. */
export function machineCheck<Found>(check: Omit<MachineCheck<Found>, "subject">): MachineCheck<Found> {
  return { ...check, subject: "machine" };
}

/** As `machineCheck`, for a check of one server. */
export function targetCheck<Found>(check: Omit<TargetCheck<Found>, "subject">): TargetCheck<Found> {
  return { ...check, subject: "target" };
}
