import type { JsonObject, JsonValue } from "../core/record.ts";
import { type Secret, strikeSecrets } from "../core/secrets.ts";
import type { CheckResult } from "./engine.ts";

/** Returns the result with `secrets`, and what looks like one, struck out: a server may send back what it was sent. */
export function withoutSecrets(result: CheckResult, secrets: readonly Secret[]): CheckResult {
  const strike = (text: string): string => strikeSecrets(text, secrets);
  return { ...result, message: strike(result.message), facts: strikeObject(result.facts, strike) };
}

function strikeObject(value: JsonObject, strike: (text: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, strikeValue(inner, strike)]));
}

function strikeValue(value: JsonValue, strike: (text: string) => string): JsonValue {
  if (typeof value === "string") return strike(value);
  if (isList(value)) return value.map((inner) => strikeValue(inner, strike));
  return typeof value === "object" && value !== null ? strikeObject(value, strike) : value;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
