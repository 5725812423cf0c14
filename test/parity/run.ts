import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildRelease } from "../tailnet/harness/build.ts";
import { comparedVariable } from "./compared-version.ts";

/**
 * `npm run parity -- --as VERSION`: the sandbox as that version beside stock tailscale of that version, case by case.
 * Ends with 1 at a difference. The test suites compare with the tests' own version alone.
 */
const { values } = parseArgs({ options: { as: { type: "string" } } });
if (values.as === undefined || !/^1\.\d+\.\d+$/.test(values.as)) {
  process.stderr.write("parity: error: which version?\nparity: hint: npm run parity -- --as 1.98.9\n");
  process.exit(2);
}
await buildRelease(values.as);
const files = ["parity.test.ts", "parity-framing.test.ts"].map((name) => `test/e2e/${name}`);
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts", "--project", "e2e", ...files],
  {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, [comparedVariable]: values.as },
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
