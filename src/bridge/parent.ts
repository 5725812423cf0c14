import { setInterval } from "node:timers/promises";

const lookEveryMs = 500;

/**
 * Resolves when the process that started this one is gone: its death closes no pipe that somebody else holds too.
 * Pending for ever once `signal` fires.
 */
export async function parentGone(signal: AbortSignal): Promise<void> {
  const parent = process.ppid;
  try {
    for await (const _ of setInterval(lookEveryMs, undefined, { ref: false, signal })) {
      if (process.ppid !== parent) return;
    }
  } catch {
    // Stopped.
  }
  await new Promise<never>(() => {});
}
