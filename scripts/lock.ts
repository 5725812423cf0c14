import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { completeLock, type Lock } from "./build/complete-lock.ts";

/**
 * Writes every package-lock.json anew from package.json, in a folder of their own: with a node_modules beside it npm
 * would lock what happens to lie there.
 */
const folders = [".", "test/nodes", "test/readers", "test/bench/peers", "test/peers/agents"];
for (const folder of folders.map((name) => fileURLToPath(new URL(`../${name}`, import.meta.url)))) {
  const temporary = mkdtempSync(join(tmpdir(), "tsmcp-lock-"));
  try {
    for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
      if (existsSync(join(folder, file))) copyFileSync(join(folder, file), join(temporary, file));
    }
    const args = ["install", "--package-lock-only", "--ignore-scripts", "--loglevel=error"];
    const { status } = spawnSync("npm", args, { cwd: temporary, stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`npm install ended with ${status}`);
    const lock: Lock = JSON.parse(readFileSync(join(temporary, "package-lock.json"), "utf8"));
    writeFileSync(join(folder, "package-lock.json"), `${JSON.stringify(completeLock(lock), null, 2)}\n`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
