import { expect, test } from "vitest";
import { decodeEncodedWords, encodeWords } from "../../../src/tailscale/encoded-words.ts";
import { fc } from "../../fakes/drawn.ts";

test.each([
  ["Alice Example", "Alice Example"],
  ["=?utf-8?q?J=C3=BCrgen?=", "Jürgen"],
  ["=?UTF-8?Q?a_b?=", "a b"],
  ["=?utf-8?b?SsO8cmdlbg==?=", "Jürgen"],
  ["=?utf-8?q?J=C3=BC?= =?utf-8?q?rgen?=", "Jürgen"],
  ["=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"],
  ["=?iso-8859-1?q?J=FC?=", undefined],
])("%s is %s", (value, text) => {
  expect(decodeEncodedWords(value)).toBe(text);
});

test.each([
  ["plain", "plain"],
  ["with = and ?", "with = and ?"],
  ["=?utf-8?q?a?=", "=?utf-8?q?a?="],
  ["", ""],
  ["\té", "=?utf-8?q?=09=C3=A9?="],
  ['a=b?c_d é(")', '=?utf-8?q?a=3Db=3Fc=5Fd_=C3=A9(")?='],
])("%j is written as Go's mime.QEncoding writes it", (text, value) => {
  expect(encodeWords(text)).toBe(value);
});

test("what is not ASCII is cut into words of at most 75 characters, and no character in two", () => {
  expect(
    encodeWords("é".repeat(30))
      .split(" ")
      .map((word) => word.length),
  ).toEqual([72, 72, 72]);
});

test("whatever is encoded is ASCII, in words of at most 75 characters, and comes back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
      const value = encodeWords(text);
      expect(value).toMatch(/^[\x20-\x7e\t]*$/);
      if (value === text) return;
      for (const word of value.split(" ")) expect(word.length).toBeLessThanOrEqual(75);
      expect(decodeEncodedWords(value)).toBe(text);
    }),
  );
});
