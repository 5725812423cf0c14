import type { Backend } from "./backend.ts";
import type { OwnHandler } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import type { Proof } from "./request.ts";

/** What came of an exposure: what a program reads, and what the command prints. */
export type ExposeOutcome =
  | { readonly status: "refused"; readonly refusals: readonly Refusal[] }
  | ({ readonly status: "planned"; readonly commands: readonly string[] } & Exposed)
  /** It stands; `verdict` says whether it was proven. */
  | ({ readonly status: "exposed"; readonly proof: Proof } & Exposed)
  /** The proof failed, and everything was taken away again, Funnel first. */
  | ({ readonly status: "withdrawn"; readonly proof: Proof } & Exposed);

export interface Exposed {
  readonly host: string;
  readonly tailnetUrls: readonly string[];
  /** Empty where the internet has no view. */
  readonly publicUrls: readonly string[];
  readonly backend: Backend;
  readonly handlers: readonly OwnHandler[];
  readonly notes: readonly string[];
}
