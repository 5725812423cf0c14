import type { JsonObject, JsonValue } from "../core/record.ts";
import { type Secret, strikeSecrets } from "../core/secrets.ts";
import type { CheckResult } from "./engine.ts";
import { plainText } from "./plain-text.ts";

/** A list of tools in one message is long; more than this tells nobody more. */
const maxTextChars = 4_000;

/**
 * Returns the result with `secrets`, and what looks like one, struck out, because a server may send back what it was
 * sent; and with nothing in it that moves, turns or hides, whichever check forgot to.
 */
export function withoutSecrets(result: CheckResult, secrets: readonly Secret[]): CheckResult {
  const strike = (text: string): string => plainText(strikeSecrets(text, secrets), maxTextChars);
  const { message, hint, reproduce, facts } = result;
  return {
    ...result,
    message: strike(message),
    facts: strikeObject(facts, strike),
    // Not cut: half a shell line is none.
    reproduce: reproduce === null ? null : plainText(reproduce, Number.POSITIVE_INFINITY),
    hint: hint === null ? null : strike(hint),
  };
}

function strikeObject(value: JsonObject, strike: (text: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [strike(key), strikeValue(inner, strike)]));
}

function strikeValue(value: JsonValue, strike: (text: string) => string): JsonValue {
  if (typeof value === "string") return strike(value);
  if (isList(value)) return value.map((inner) => strikeValue(inner, strike));
  return typeof value === "object" && value !== null ? strikeObject(value, strike) : value;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
