import { expect, test } from "vitest";
import { createNumbered } from "../../../src/core/numbered.ts";
import { fc } from "../../fakes/drawn.ts";

const item = (id: number) => ({ id });

test("whatever comes and goes and in whatever order, each is found by its number alone, and no number comes twice", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 400 }), { maxLength: 600 }), (choices) => {
      const numbered = createNumbered<{ readonly id: number }>();
      const expected = new Map<number, { readonly id: number }>();
      const seen = new Set<number>();
      for (const choice of choices) {
        const present = [...expected.values()][choice];
        if (present === undefined) {
          const added = numbered.add(item);
          expect(seen.has(added.id)).toBe(false);
          seen.add(added.id);
          expected.set(added.id, added);
        } else {
          expect(numbered.remove(present)).toBe(true);
          expect(numbered.remove(present)).toBe(false);
          expected.delete(present.id);
        }
      }
      expect(numbered.size).toBe(expected.size);
      for (const id of seen) expect(numbered.get(id)).toBe(expected.get(id));
      expect(new Set(numbered.all())).toEqual(new Set(expected.values()));
    }),
  );
});

test("what stays for long keeps its number while thousands pass", () => {
  const numbered = createNumbered<{ readonly id: number }>();
  const lasting = numbered.add(item);
  for (let count = 0; count < 5_000; count += 1) numbered.remove(numbered.add(item));
  expect(numbered.get(lasting.id)).toBe(lasting);
  expect(numbered.size).toBe(1);
});

test.each([undefined, null, "1", 0, -1, 1.5, 65, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, {}])(
  "%s finds nothing where only 1 is in use",
  (id) => {
    const numbered = createNumbered<{ readonly id: number }>();
    numbered.add(item);
    expect(numbered.get(id)).toBeUndefined();
    expect(numbered.get(1)).toEqual({ id: 1 });
  },
);
