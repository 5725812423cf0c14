import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderReport } from "../../src/doctor/report/report-file.ts";
import { type BrowserPage, openPage } from "../fakes/chromium.ts";
import { reportingOf, resultOf, sampleChecks } from "../unit/doctor/sample-report.ts";

/** scripts/prepare brings it; in CI nothing may be missing. */
const hasChromium = spawnSync("chromium", ["--version"]).status === 0 || process.env.CI === "true";

const hostile = resultOf("tailnet.tools", {
  status: "fail",
  message: `${"x".repeat(300)}<script>document.title="hacked"</script><img src=x onerror="document.title='hacked'">`,
  facts: { names: ["y".repeat(128), "</ul><script>document.title='hacked'</script>"] },
  reproduce: `curl ${"z".repeat(500)}`,
});

describe.runIf(hasChromium)("the HTML report in Chromium", () => {
  let directory: string;
  let page: BrowserPage;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "tsmcp-page-"));
    const file = join(directory, "report.html");
    writeFileSync(file, renderReport("html", reportingOf([...sampleChecks, hostile])));
    page = await openPage(pathToFileURL(file).href, join(directory, "profile"));
  });

  afterAll(async () => {
    await page?.[Symbol.asyncDispose]();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  test.each([
    { width: 390, scheme: "light", picture: "tall" },
    { width: 390, scheme: "dark", picture: "tall" },
    { width: 1280, scheme: "light", picture: "wide" },
    { width: 1280, scheme: "dark", picture: "wide" },
  ] as const)("fits a page $width wide in $scheme, and complains of nothing", async ({ width, scheme, picture }) => {
    await page.show({ width, scheme });
    expect(page.complaints).toEqual([]);
    expect(await page.evaluate("document.title")).toBe("tsmcp doctor: fail");
    await page.evaluate("document.querySelector('details').open = true");
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    const seen = "[...document.querySelectorAll('svg')].filter((one) => one.getBoundingClientRect().width > 0)";
    expect(await page.evaluate(`${seen}.map((one) => one.getAttribute('class'))`)).toEqual([picture]);
    expect(await page.evaluate(`document.getElementById(${seen}[0].getAttribute('aria-labelledby')).textContent`)).toBe(
      "The agent's way to the tools breaks at: server, 8443. A stranger on the internet gets in.",
    );
    // Words are legible, and no box of the page is wider than it.
    expect(await page.evaluate(`${seen}[0].querySelector('text').getBoundingClientRect().height`)).toBeGreaterThan(11);
    const wider =
      "[...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)";
    expect(await page.evaluate(`${wider}.map((one) => one.tagName)`)).toEqual([]);
  });

  test("has enough contrast for its words, in light and dark", async () => {
    const ratios = `(() => {
      const parts = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
      const light = (color) => parts(color).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
      const groundOf = (one) => { for (let at = one; at; at = at.parentElement) {
        const color = getComputedStyle(at).backgroundColor; if (!/, 0\\)$/.test(color)) return color; } };
      return [...document.querySelectorAll('p, h1, h2, h3, dt, dd, td, code, .badge, span')].map((one) => {
        const [a, b] = [light(getComputedStyle(one).color), light(groundOf(one))].sort((x, y) => x - y);
        return (b + 0.05) / (a + 0.05);
      });
    })()`;
    for (const scheme of ["light", "dark"] as const) {
      await page.show({ width: 1280, scheme });
      const found = await page.evaluate(ratios);
      expect(Array.isArray(found) && found.length > 20).toBe(true);
      expect(Math.min(...(Array.isArray(found) ? found.map(Number) : [0]))).toBeGreaterThanOrEqual(4.5);
    }
  });
});
