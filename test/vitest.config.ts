import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { schemaValidator } from "../scripts/build/schema-validator.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

// Threads, because a fork that loses its parent lives on with everything it started.
export default defineConfig({
  root,
  plugins: [schemaValidator()],
  test: {
    pool: "threads",
    // These bound what hangs; a machine that others use as well may take its time over the rest.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          // Builds the tailnet before any test's clock runs.
          globalSetup: ["test/tailnet/harness/global-setup.ts"],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
