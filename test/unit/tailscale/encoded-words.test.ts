import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEncodedWords, encodeWords } from "../../../src/tailscale/encoded-words.ts";

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

test("whatever is encoded is ASCII, in words of at most 75 characters, and comes back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
      const value = encodeWords(text);
      expect(value).toMatch(/^[\x20-\x7e\t]*$/);
      if (value !== text) for (const word of value.split(" ")) expect(word.length).toBeLessThanOrEqual(75);
      expect(decodeEncodedWords(value)).toBe(text);
    }),
  );
});
