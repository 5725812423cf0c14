import { expect, test } from "vitest";
import { judgeArguments } from "../../../src/mcp/tool-arguments.ts";

const schema = {
  type: "object",
  properties: {
    message: { type: "string" },
    limit: { type: "integer", minimum: 1 },
    mode: { enum: ["fast", "slow"] },
    filter: { type: "object", properties: { tags: { type: "array", items: { type: "string" } } } },
    id: { anyOf: [{ type: "string" }, { type: "integer" }] },
  },
  required: ["message"],
};

/** Each definition refers twice to the next. */
function doubling(times: number): unknown {
  const next = (index: number) => ({ $ref: `#/$defs/d${index + 1}` });
  const definitions = Array.from({ length: times }, (_, index) => [`d${index}`, { allOf: [next(index), next(index)] }]);
  const $defs = { ...Object.fromEntries(definitions), [`d${times}`]: { type: "string" } };
  return { $defs, properties: { a: { $ref: "#/$defs/d0" } } };
}

test.each<[string, unknown, Record<string, unknown>, readonly string[]]>([
  ["what fits", schema, { message: "x", limit: 3, mode: "fast", filter: { tags: ["a"] }, id: 7 }, []],
  ["a missing one", schema, {}, ['it does not have required property "message"']],
  ["a wrong type", schema, { message: 1 }, ['message: instance type "number" is invalid, expected "string"']],
  [
    "two slips",
    schema,
    { message: "x", limit: 0, mode: "medium" },
    ["limit: 0 is less than 1", 'mode: it does not match any of ["fast","slow"]'],
  ],
  [
    "one deep down",
    schema,
    { message: "x", filter: { tags: ["a", 2] } },
    ['filter.tags.1: instance type "number" is invalid, expected "string"'],
  ],
  ["a choice", schema, { message: "x", id: true }, ["id: it does not match any subschemas"]],
  [
    "one that is forbidden",
    { ...schema, additionalProperties: false },
    { message: "x", mesage: "y" },
    ['property "mesage" does not match additional properties schema'],
  ],
  [
    "a reference",
    { properties: { a: { $ref: "#/$defs/a" } }, $defs: { a: { type: "number" } } },
    { a: "x" },
    ['a: instance type "string" is invalid, expected "number"'],
  ],
  ["a schema that refers to itself for ever", { $ref: "#" }, { a: 1 }, []],
  ["a reference that leads nowhere", { properties: { a: { $ref: "https://example.com/x" } } }, { a: 1 }, []],
  ["a schema that is none", "object", { a: 1 }, []],
  ["a pattern that would never end", { properties: { a: { pattern: "^(a+)+$" } } }, { a: `${"a".repeat(50)}!` }, []],
  ["a pattern", { properties: { a: { pattern: "^[a-z]+$" } } }, { a: "A" }, ["a: string does not match pattern"]],
  [
    "what stands beside a pattern that would never end",
    { properties: { a: { pattern: "^(a+)+$" }, b: { type: "number" } } },
    { a: `${"a".repeat(50)}!`, b: "x" },
    ['b: instance type "string" is invalid, expected "number"'],
  ],
  [
    "what stands beside a pattern that is none",
    { properties: { a: { pattern: "(" }, b: { type: "number" } } },
    { a: "x", b: "x" },
    ['b: instance type "string" is invalid, expected "number"'],
  ],
  ["references that double thirty times", doubling(30), { a: "x" }, []],
  [
    "a property that is called pattern",
    { properties: { pattern: { type: "string" } } },
    { pattern: 1 },
    ['pattern: instance type "number" is invalid, expected "string"'],
  ],
])("judgeArguments tells the problems of %s", (_title, inputSchema, args, problems) => {
  expect(judgeArguments(inputSchema, args).problems).toEqual(problems);
});

test("judgeArguments doubts an argument that the schema allows and does not name", () => {
  expect(judgeArguments(schema, { message: "x", limti: 3, other: 1 })).toEqual({
    problems: [],
    doubts: ['the tool names no argument "limti"; did you mean "limit"?', 'the tool names no argument "other"'],
  });
});
