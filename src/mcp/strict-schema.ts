import { type Schema, Validator } from "@cfworker/json-schema";
import type { JsonObject } from "./json.ts";
import { timeBound } from "./time-bound.ts";
import { draftOf } from "./tool-arguments.ts";

/** `slow`: a pattern of the schema took so long that the value was not looked at to the end. */
export type Fit = "fits" | "misfits" | "slow";

/** A value of an honest caller takes a hundredth of this, on a machine that has other work too. */
const maxJudgingMs = 250;

/**
 * Returns what tells whether a value fits `schema`, to the letter: nothing of the schema is left out, and what it allows is
 * all that goes. Regular expressions of the schema may take exponential time, so the work is cut off.
 * Throws for a schema that cannot be read.
 */
export function strictSchema(schema: JsonObject): (value: unknown) => Fit {
  // A copy, because the reader writes into it.
  const read: Schema = structuredClone(schema);
  const validator = new Validator(read, draftOf(schema), true);
  // References and patterns are read late: a schema that is broken anywhere should say so at once.
  for (const pattern of patternsIn(schema, 0)) new RegExp(pattern, "u");
  validator.validate({});
  let value: unknown;
  const judge = timeBound(() => validator.validate(value).valid, maxJudgingMs);
  return (judged) => {
    value = judged;
    try {
      const verdict = judge();
      if (verdict.kind === "slow") return "slow";
      return verdict.value ? "fits" : "misfits";
    } catch {
      return "misfits";
    } finally {
      value = undefined;
    }
  };
}

/** Deeper than any schema that a person or generator writes. */
const maxDepth = 64;

function patternsIn(value: unknown, depth: number): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (depth > maxDepth) throw new Error(`a schema of more than ${maxDepth} levels`);
  return Object.entries(value).flatMap(([key, part]) => [
    ...(key === "pattern" && typeof part === "string" ? [part] : []),
    ...(key === "patternProperties" && typeof part === "object" ? Object.keys(part ?? {}) : []),
    ...patternsIn(part, depth + 1),
  ]);
}
