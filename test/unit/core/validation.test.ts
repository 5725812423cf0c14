import { expect, test } from "vitest";
import { defectsOf, type SchemaError, suggestKey, type Validator } from "../../../src/core/validation.ts";

function validatorWith(...errors: SchemaError[]): Validator {
  const validate: Validator = () => errors.length === 0;
  validate.errors = errors;
  return validate;
}
const error = (keyword: string, params: Record<string, unknown>, instancePath = "/a/0"): SchemaError => ({
  instancePath,
  keyword,
  params,
  message: "ajv's own words",
});

test("defectsOf has none when the value is valid", () => {
  expect(defectsOf(validatorWith(), {})).toEqual([]);
});

test.each([
  [error("additionalProperties", { additionalProperty: "b" }), { path: "a.0.b", message: "unknown key" }],
  [error("additionalProperties", { additionalProperty: "b" }, ""), { path: "b", message: "unknown key" }],
  [error("required", { missingProperty: "b" }), { path: "a.0", message: 'the key "b" is missing' }],
  [error("type", { type: ["string", "null"] }), { path: "a.0", message: "expected string or null" }],
  [error("enum", { allowedValues: ["x", 1] }), { path: "a.0", message: 'expected one of "x", 1' }],
  [error("const", { allowedValue: true }), { path: "a.0", message: "expected true" }],
  [error("pattern", { pattern: "^x" }), { path: "a.0", message: "expected text that matches ^x" }],
  [error("propertyNames", { propertyName: "b c" }), { path: "a.0.b c", message: "not a name that is allowed here" }],
  [error("minimum", {}), { path: "a.0", message: "ajv's own words" }],
  [error("type", { type: "object" }, "/a~1b/~0c"), { path: "a/b.~c", message: "expected object" }],
])("defectsOf tells %j as %j", (one, defect) => {
  expect(defectsOf(validatorWith(one), {})).toEqual([defect]);
});

test("defectsOf tells a defect once when two rules find it", () => {
  const twice = error("type", { type: "string" });
  expect(defectsOf(validatorWith(twice, twice, error("if", {})), {})).toHaveLength(1);
});

test("suggestKey names the nearest key, and nothing when none is near", () => {
  expect(suggestKey("agent", ["agents", "servers"])).toBe(' (did you mean "agents"?)');
  expect(suggestKey("zzz", ["agents"])).toBe("");
});
