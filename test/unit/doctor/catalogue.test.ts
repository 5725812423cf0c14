import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { intrusiveCatalogue, catalogue as ordinary } from "../../../src/doctor/catalogue.ts";

const stories = fileURLToPath(new URL("../../e2e", import.meta.url));

const catalogue = [...ordinary, ...intrusiveCatalogue];

describe("the catalogue", () => {
  test("keeps apart what is for a sandbox only", () => {
    expect(ordinary.filter(({ sandboxOnly }) => sandboxOnly === true)).toEqual([]);
    expect(intrusiveCatalogue.filter(({ sandboxOnly }) => sandboxOnly !== true)).toEqual([]);
  });

  test("has every id once, in its group, and needs only what stands in it, without a circle", () => {
    const ids = catalogue.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, group, needs } of catalogue) {
      expect(id).toMatch(new RegExp(`^${group}\\.[a-z0-9]+(-[a-z0-9]+)*$`));
      // A need stands before what needs it, so that the first cause is read first.
      for (const need of needs) expect(ids.indexOf(need), `${id} needs ${need}`).toBeLessThan(ids.indexOf(id));
      for (const need of needs) expect(ids).toContain(need);
    }
  });

  test("explains each check: what it proves, what breaks it, and how to mend it, in whole sentences", () => {
    for (const { id, explain } of catalogue) {
      for (const text of Object.values(explain)) expect(text, id).toMatch(/^\S.{15,}$/s);
    }
  });

  test("has a story on the real tailnet for each check of tailscaled, the proxy and the tailnet", () => {
    const text = readdirSync(stories)
      .filter((name) => name.startsWith("doctor-faults-"))
      .map((name) => readFileSync(`${stories}/${name}`, "utf8"))
      .join("\n");
    const untold = catalogue
      .filter(({ group }) => group === "tailscale" || group === "proxy" || group === "tailnet")
      .filter(({ id }) => !new RegExp(`"${id.replace(".", "\\.")} (fail|warn)"`).test(text));
    expect(untold.map(({ id }) => id)).toEqual([]);
  });
});
