import { createContext, Script } from "node:vm";
import { stringAt } from "./json.ts";

export type Bounded<T> = { readonly kind: "done"; readonly value: T } | { readonly kind: "slow" };

/**
 * Returns `work` as what is cut off after `limitMs` of reckoning, wherever it is by then: in a regular expression of
 * somebody else's, or in references that double at every step. Throws what `work` throws.
 */
export function timeBound<T>(work: () => T, limitMs: number): () => Bounded<T> {
  let outcome: Bounded<T> = { kind: "slow" };
  const context = createContext({
    run: () => {
      outcome = { kind: "done", value: work() };
    },
  });
  const script = new Script("run()");
  return () => {
    outcome = { kind: "slow" };
    try {
      script.runInContext(context, { timeout: limitMs });
    } catch (error) {
      // The error is one of that context's, and so none of ours by its class.
      if (stringAt(error, "code") !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    }
    return outcome;
  };
}
