import { expect, test } from "vitest";
import { strictSchema } from "../../../src/mcp/strict-schema.ts";

const schema = {
  type: "object",
  properties: {
    q: { type: "string", pattern: "^[a-z]+$", maxLength: 5 },
    kind: { $ref: "#/$defs/kind" },
  },
  patternProperties: { "^x-": { type: "number" } },
  required: ["q"],
  additionalProperties: false,
  $defs: { kind: { enum: ["a", "b"] } },
};

test.each([
  [{ q: "abc" }, "fits"],
  [{ q: "abc", kind: "b", "x-1": 1 }, "fits"],
  [{}, "misfits"],
  [{ q: "ABC" }, "misfits"],
  [{ q: "abcdef" }, "misfits"],
  [{ q: "abc", kind: "c" }, "misfits"],
  [{ q: "abc", "x-1": "1" }, "misfits"],
  [{ q: "abc", other: 1 }, "misfits"],
  [[], "misfits"],
  ["abc", "misfits"],
])("a schema holds to the letter: %j %s", (value, fit) => {
  expect(strictSchema(schema)(value)).toBe(fit);
});

test("a pattern that takes exponential time is cut off, and the next value is judged as ever", () => {
  const judge = strictSchema({ type: "object", properties: { q: { type: "string", pattern: "^(a+)+$" } } });
  expect(judge({ q: `${"a".repeat(60)}!` })).toBe("slow");
  expect(judge({ q: "aaa" })).toBe("fits");
  expect(judge({ q: "b" })).toBe("misfits");
});

test("a reference that leads nowhere lets nothing through", () => {
  expect(strictSchema({ properties: { q: { $ref: "#/$defs/none" } } })({ q: 1 })).toBe("misfits");
});

test.each([
  ["a pattern that is none", { properties: { q: { pattern: "(" } } }],
  ["a key's pattern that is none", { patternProperties: { "[": {} } }],
  ["a reference that leads nowhere", { $ref: "#/$defs/none" }],
  ["more levels than anybody writes", Array.from({ length: 80 }).reduce<object>((inner) => ({ not: inner }), {})],
])("%s is no schema", (_what, broken) => {
  expect(() => strictSchema({ ...broken })).toThrow();
});

test("the schema that was given stays as it was", () => {
  const before = JSON.stringify(schema);
  const keys = Object.getOwnPropertyNames(schema.properties.q);
  strictSchema(schema)({ q: "a" });
  expect(JSON.stringify(schema)).toBe(before);
  expect(Object.getOwnPropertyNames(schema.properties.q)).toEqual(keys);
});
