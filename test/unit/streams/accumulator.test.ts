import { expect, test } from "vitest";
import { createAccumulator } from "../../../src/streams/accumulator.ts";
import { fc } from "../../fakes/drawn.ts";

test("the whole is what its parts are, one after the other, each time anew, whatever was expected", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 300 }).map((part) => Buffer.from(part)));
  fc.assert(
    fc.property(fc.array(parts), fc.nat(2_000), (wholes, expectedBytes) => {
      const accumulator = createAccumulator(expectedBytes);
      for (const whole of wholes) {
        for (const part of whole) accumulator.add(part);
        expect(accumulator.size).toBe(Buffer.concat(whole).length);
        expect(accumulator.bytes()).toEqual(Buffer.concat(whole));
      }
    }),
  );
});

test("the parts stay as they are, and a whole stays when others follow", () => {
  const accumulator = createAccumulator();
  const [first, second] = [Buffer.from("ab"), Buffer.from("cd")];
  accumulator.add(first);
  accumulator.add(second);
  const whole = accumulator.bytes();
  accumulator.add(Buffer.from("ef"));
  accumulator.add(Buffer.from("gh"));
  expect([first, second, whole, accumulator.bytes()].map(String)).toEqual(["ab", "cd", "abcd", "efgh"]);
});
