import type { Attempt } from "./attempt.ts";
import type { UpFacts } from "./facts.ts";
import type { UpRequest } from "./request.ts";

export type StepId = "preflight" | "install" | "daemon" | "login" | "proxy" | "exports" | "agent-config" | "verify";

/** `kept` was so already, `planned` would be done without `--dry-run`. */
export type StepStatus = "done" | "kept" | "skipped" | "planned" | "failed";

export interface StepReport {
  readonly id: StepId;
  readonly status: StepStatus;
  readonly durationMs: number;
  readonly detail: string;
}

/** What a step comes to, decided from facts alone. */
export type Decision =
  | { readonly kind: "act"; readonly detail: string }
  | { readonly kind: "keep"; readonly detail: string }
  | { readonly kind: "skip"; readonly detail: string };

export interface Step {
  readonly id: StepId;
  /** Pure: it sees the facts as the steps before left them. */
  readonly decide: (facts: UpFacts, request: UpRequest) => Decision;
  readonly apply: (facts: UpFacts, attempt: Attempt) => Promise<Applied>;
  /** The step whose success makes taking back needless: what follows can be repeated on a node that is up. */
  readonly completesJoin?: true;
}

/** What a step came to. `failed` is for what the user must know and that leaves the node up; else a step throws. */
export interface Applied {
  readonly facts: UpFacts;
  readonly status: "done" | "kept" | "failed";
  readonly detail: string;
}

export function act(detail: string): Decision {
  return { kind: "act", detail };
}

export function keep(detail: string): Decision {
  return { kind: "keep", detail };
}

export function skip(detail: string): Decision {
  return { kind: "skip", detail };
}

export function done(facts: UpFacts, detail: string): Applied {
  return { facts, status: "done", detail };
}
