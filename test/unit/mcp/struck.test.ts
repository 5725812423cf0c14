import { expect, test } from "vitest";
import { secretsOfHeaders } from "../../../src/mcp/header-option.ts";
import { striker } from "../../../src/mcp/struck.ts";

const env = { NOTES_TOKEN: "abcdefgh-1234", USER: "somebody-long", SHORT_KEY: "1234567", X: " padded-secret " };

test.each([
  [["Authorization: Bearer ${env:NOTES_TOKEN}"], ["abcdefgh-1234"]],
  [["X-Whatever: ${env:NOTES_TOKEN}"], ["abcdefgh-1234"]],
  [["X-Api-Key: ${env:X}"], ["padded-secret"]],
  [["X-Api-Key: ${env:SHORT_KEY}"], []],
  [["X-User: ${env:USER}"], []],
  [["X-Version: long-enough-to-be-one"], []],
  [["Cookie: a=${env:NOTES_TOKEN}; b=${env:X}"], ["abcdefgh-1234", "padded-secret"]],
])("the secrets of %j are %j", (headers, secrets) => {
  expect(secretsOfHeaders(headers, env)).toEqual(secrets);
});

test.each([
  ["invalid token abcdefgh-1234!", ["abcdefgh-1234"], "invalid token [secret]!"],
  ["abcdefghabcdefgh", ["abcdefgh"], "[secret][secret]"],
  ["é abcdefgh-1234 €", ["abcdefgh", "abcdefgh-1234"], "é [secret] €"],
  [JSON.stringify('quo"ted\\one'), ['quo"ted\\one'], '"[secret]"'],
  ['"ab\\/cdefgh=="', ["ab/cdefgh=="], '"[secret]"'],
  ['"a\\u003cb\\u0026cdefgh"', ["a<b&cdefgh"], '"[secret]"'],
  ["nothing here", ["abcdefgh"], "nothing here"],
])("%j without %j is %j", (text, secrets, struck) => {
  expect(striker(secrets)(Buffer.from(text)).toString()).toBe(struck);
});

test("what holds no secret stays the same bytes", () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x61]);
  expect(striker(["abcdefgh"])(bytes)).toBe(bytes);
  expect(striker([])(bytes)).toBe(bytes);
});
