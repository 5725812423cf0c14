import { chmodSync, cpSync, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { binDir } from "./tsmcp.ts";

/** Returns a directory that every user of this machine can enter, removed when the test has finished. */
export function openDirectory(name: string): string {
  const bases = [tmpdir(), "/tmp", "/var/tmp"];
  const base = bases.find(isOpen);
  if (base === undefined) throw new Error(`other users can enter none of ${bases.join(", ")}`);
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

function isOpen(path: string): boolean {
  for (let directory = realpathSync(path); ; directory = dirname(directory)) {
    if ((statSync(directory).mode & 0o001) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}
