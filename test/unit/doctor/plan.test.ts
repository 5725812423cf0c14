import { describe, expect, test } from "vitest";
import { planned } from "../../../src/doctor/attack/plan.ts";
import type { Manner } from "../../../src/doctor/probe/look.ts";

const none: Manner = { opening: "none" };
const modern: Manner = { opening: "modern" };
const legacy: Manner = { opening: "legacy" };
const slow: Manner = { opening: "legacy", confirms: true };

const ruses = ["a", "b", "c", "d"].map((label, index) => ({
  disguise: { label, protocol: "auto", headers: [] } as const,
  isStrong: index < 2,
}));

function shown(terms: { manners: readonly Manner[]; needsSession?: boolean; isFixed?: boolean; share: number }) {
  const { steps, openingsLeft } = planned(ruses, { needsSession: false, isFixed: false, ...terms });
  const waysOf = (ways: (typeof steps)[number]["ways"]) =>
    ways.map((way) => (way === "within" ? "within" : way.opening)).join("+");
  return { steps: steps.map(({ ruse, ways }) => `${ruse.disguise.label}: ${waysOf(ways)}`), openingsLeft };
}

describe("the plan of an attack", () => {
  test.each([
    {
      name: "tries the strong ones by every way when the share is enough",
      terms: { manners: [none, modern], share: 6 },
      steps: ["a: none+modern", "b: none+modern", "c: none", "d: none"],
      openingsLeft: 0,
    },
    {
      name: "tries the strongest by every way when the share is short",
      terms: { manners: [none, modern], share: 5 },
      steps: ["a: none+modern", "b: none", "c: none", "d: none"],
      openingsLeft: 0,
    },
    {
      name: "tries each once when there is no share left",
      terms: { manners: [none, legacy], share: 4 },
      steps: ["a: none", "b: none", "c: none", "d: none"],
      openingsLeft: 0,
    },
    {
      name: "leaves the rest for openings when it goes by a session",
      terms: { manners: [legacy], needsSession: true, share: 16 },
      steps: ["a: within+legacy", "b: within+legacy", "c: within", "d: within"],
      openingsLeft: 2,
    },
    {
      name: "counts the word that it is initialized when the server waits for it",
      terms: { manners: [slow], needsSession: true, share: 11 },
      steps: ["a: within+legacy", "b: within", "c: within", "d: within"],
      openingsLeft: 0,
    },
    {
      name: "opens for each, and leaves out the last, when a session is decided at its opening",
      terms: { manners: [legacy], needsSession: true, isFixed: true, share: 8 },
      steps: ["a: legacy", "b: legacy", "c: legacy"],
      openingsLeft: 0,
    },
  ])("$name", ({ terms, steps, openingsLeft }) => {
    expect(shown(terms)).toEqual({ steps, openingsLeft });
  });
});
