import { type Schema, Validator } from "@cfworker/json-schema";
import { isObject } from "../core/json-object.ts";
import { nearest } from "../core/nearest.ts";
import { type JsonObject, objectAt } from "./json.ts";
import { timeBound } from "./time-bound.ts";

/** What is wrong with a tool's arguments, each as a line for people. */
export interface ArgumentsVerdict {
  /** What the tool's own schema forbids: the server would refuse it. */
  readonly problems: readonly string[];
  /** What the schema allows and is most likely a slip. */
  readonly doubts: readonly string[];
}

/**
 * Returns what `inputSchema` says of `args`. A schema that cannot be read judges nothing: the server has the last word.
 * @cfworker/json-schema, because it interprets: ajv makes code out of what a server sent, and takes 100 ms to load.
 */
export function judgeArguments(inputSchema: unknown, args: JsonObject): ArgumentsVerdict {
  if (!isObject(inputSchema)) return { problems: [], doubts: [] };
  const problems = violations(inputSchema, args);
  return { problems, doubts: problems.length > 0 ? [] : unnamed(inputSchema, args) };
}

/** Keywords whose violation only says that there is one further in. */
const wrappers = new Set([
  ...["properties", "items", "prefixItems", "additionalItems", "allOf", "$ref", "$recursiveRef", "if", "false"],
  ...["dependentSchemas", "dependencies", "patternProperties"],
]);

/** Somebody waits for the call; an honest schema takes a hundredth. */
const maxJudgingMs = 250;

/** Without its patterns where those take too long, or are none; what is left of a hostile schema may take too long, too. */
function violations(inputSchema: JsonObject, args: JsonObject): string[] {
  return judged(inputSchema, args) ?? judged(withoutPatterns(inputSchema), args) ?? [];
}

function judged(inputSchema: JsonObject, args: JsonObject): string[] | undefined {
  try {
    // A copy, because the reader writes into it.
    const schema: Schema = structuredClone(inputSchema);
    const validator = new Validator(schema, draftOf(inputSchema), false);
    const verdict = timeBound(() => validator.validate(args), maxJudgingMs)();
    if (verdict.kind === "slow") return undefined;
    const { errors } = verdict.value;
    const choices = errors.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf");
    const shown = errors.filter(
      ({ keyword, keywordLocation }) =>
        !wrappers.has(keyword) && !choices.some((choice) => keywordLocation.startsWith(`${choice.keywordLocation}/`)),
    );
    const lines = (shown.length > 0 ? shown : errors).map(({ instanceLocation, error }) =>
      [placeOf(instanceLocation), ownWords(error)].filter((part) => part !== "").join(": "),
    );
    return [...new Set(lines)];
  } catch {
    return undefined;
  }
}

function unnamed(schema: JsonObject, args: JsonObject): string[] {
  const isClosed = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties"].every((keyword) => !(keyword in schema));
  const names = Object.keys(objectAt(schema, "properties") ?? {});
  if (!isClosed || names.length === 0 || isObject(schema.additionalProperties)) return [];
  return Object.keys(args)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const guess = nearest(name, names);
      const told = `the tool names no argument ${JSON.stringify(name)}`;
      return guess === undefined ? told : `${told}; did you mean ${JSON.stringify(guess)}?`;
    });
}

/** The server looks at its own patterns itself. */
function withoutPatterns(schema: JsonObject): JsonObject {
  const isLoose = isObject(schema.patternProperties);
  const dropped = isLoose ? ["patternProperties", "additionalProperties", "unevaluatedProperties"] : [];
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !dropped.includes(key) && !(key === "pattern" && typeof value === "string"))
      .map(([key, value]) => [key, deep(value)]),
  );
}

function deep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deep);
  return isObject(value) ? withoutPatterns(value) : value;
}

/** MCP 2025-11-25 "JSON Schema Usage": 2020-12 unless the schema says otherwise. */
export function draftOf({ $schema }: JsonObject): "4" | "7" | "2019-09" | "2020-12" {
  const named = typeof $schema === "string" ? /draft-0([47])|2019-09/.exec($schema) : null;
  if (named === null) return "2020-12";
  return named[1] === "4" ? "4" : named[1] === "7" ? "7" : "2019-09";
}

/** `#/filter/tags/0` is `filter.tags.0`. */
function placeOf(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

function ownWords(error: string): string {
  const text = error
    .replace(/\.$/, "")
    .replace(". Expected", ", expected")
    .replace(/^Instance (?=does|has)/, "it ");
  return text.charAt(0).toLowerCase() + text.slice(1);
}
