import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Returns an empty directory of this test, removed with all that is in it when the test has finished. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
