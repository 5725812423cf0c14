import { chmodSync, cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openBase } from "../tailnet/harness/open-base.ts";
import { binDir } from "./tsmcp.ts";

/** Returns a directory that every user of this machine can enter, removed when the test has finished. */
export function openDirectory(name: string): string {
  const base = openBase();
  if (base === undefined) throw new Error("other users can enter no folder for temporary ones");
  const directory = realpathSync(mkdtempSync(join(base, name)));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755);
  return directory;
}

/** Copies the product there, because a checkout may lie where only its owner can look, and returns its launcher. */
export function copyProduct(directory: string): string {
  for (const part of ["bin", "dist", "package.json"]) {
    cpSync(join(binDir, "..", part), join(directory, part), { recursive: true });
  }
  return join(directory, "bin/tsmcp");
}
