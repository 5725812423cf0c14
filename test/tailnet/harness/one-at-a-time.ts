import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const askAgainMs = 200;
const staleAfterMs = 20 * 60_000;

/**
 * Does `work` while no other thread or process does: two cold builds side by side take twice as long as one after the
 * other, which is nothing for the second. A lock whose owner is gone counts for nothing. (Should two find the same
 * dead owner at once, both may work; so `work` must bear that, and put its result in place in one step.)
 */
export async function oneAtATime(lockFile: string, work: () => Promise<void>): Promise<void> {
  while (!take(lockFile)) await sleep(askAgainMs);
  try {
    await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function take(lockFile: string): boolean {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (isStale(lockFile)) rmSync(lockFile, { force: true });
    return false;
  }
}

function isStale(lockFile: string): boolean {
  try {
    const owner = Number(readFileSync(lockFile, "utf8"));
    const ageMs = Date.now() - statSync(lockFile).mtimeMs;
    if (owner === 0) return ageMs > askAgainMs * 10; // not yet written, or never
    return ageMs > staleAfterMs || !isAlive(owner);
  } catch {
    return false; // gone meanwhile
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
