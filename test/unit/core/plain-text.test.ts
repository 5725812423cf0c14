import { expect, test } from "vitest";
import { plainJson, plainLines } from "../../../src/core/plain-text.ts";

test.each([
  ["an escape sequence", "a\u001b[2Jb", "a[2Jb"],
  ["a title of the window", "\u001b]0;owned\u0007x", "]0;ownedx"],
  ["C1 controls", "a\u009b31mb", "a31mb"],
  ["a return that overwrites the line", "safe\rdangerous", "safe\ndangerous"],
  ["a turn of the direction of writing", "a\u202eb\u2066c", "abc"],
  ["what nobody sees", "a\u200b\u00ad\u{e0041}b", "ab"],
])("plainLines takes %s out", (_what, text, plain) => {
  expect(plainLines(text)).toBe(plain);
});

test("plainLines keeps lines, tabs and every letter", () => {
  expect(plainLines("één\n\tдва 三 👍\n")).toBe("één\n\tдва 三 👍\n");
});

test("plainJson says the same in escapes", () => {
  const value = { text: "a\u202e\u009b\u{e0041}b" };
  const shown = plainJson(JSON.stringify(value));
  expect(shown).toBe('{"text":"a\\u202e\\u009b\\udb40\\udc41b"}');
  expect(JSON.parse(shown)).toEqual(value);
});
