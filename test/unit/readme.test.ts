import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { generateReadme, readmePath } from "../../scripts/readme/generate.ts";

const readme = readFileSync(readmePath, "utf8");

describe("the README", () => {
  it("has the tables that the code gives (npm run readme)", () => {
    expect(readme).toBe(generateReadme());
  });

  it("names scripts that exist", () => {
    const scripts = [...readme.matchAll(/\.\/scripts\/[a-z-]+/g)].map(([script]) => script);
    expect(scripts).toContain("./scripts/demo");
    expect(scripts.filter((script) => !existsSync(join(dirname(readmePath), script)))).toEqual([]);
  });
});
