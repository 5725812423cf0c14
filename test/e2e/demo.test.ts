import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { run } from "../tailnet/harness/run.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

it.each([["an imitation", []] as const, ["the real tailnet", ["--real"]] as const])(
  "the demo on %s shows everything that it is there to show, and leaves nothing behind",
  async (_where, words) => {
    const temporary = mkdtempSync(join(tmpdir(), "demo-"));
    onTestFinished(() => rmSync(temporary, { recursive: true, force: true }));
    // The build is scripts/prepare's business; building here would pull dist away under the tests beside this one.
    const argv = ["--import", "tsx", "scripts/walkthrough/main.ts", ...words];
    const env = { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: "1" };
    const done = await run(process.execPath, argv, { cwd: root, env, timeoutMs: 55_000 });
    expect({ exitCode: done.exitCode, stderr: done.stderr }).toMatchObject({ exitCode: 0 });
    for (const shown of ["echo answered", '"command": "tsmcp"', "pass: ", "fail: ", "FAIL separation.host-header"]) {
      expect(done.stdout).toContain(shown);
    }
    expect(existsSync(join(root, "dist/demo-report.html"))).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  },
);
