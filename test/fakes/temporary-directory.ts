import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** The path of a socket has 107 bytes at most, and some of them belong to what lies below. */
const maxPathBytes = 40;

/** Returns the folder for temporary ones, or /tmp where its path is so long that no socket fits below. */
export function temporaryBase(): string {
  const base = realpathSync(tmpdir());
  return Buffer.byteLength(base) <= maxPathBytes ? base : "/tmp";
}

/** Returns an empty directory of this test, removed with all that is in it when the test has finished. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(temporaryBase(), "tsmcp-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
