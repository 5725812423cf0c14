import type { StopSignal } from "../core/stop.ts";

/** How long those wait who try in the background: long when nobody is waiting for them, and not when somebody is. */
export interface Urgency {
  /** Ends every wait at once, and keeps the next ones short until what it returns is called. */
  press(): () => void;
  /** Resolves after `waitMs`, less a random part, or sooner when pressed. Rejects with the reason of `signal`. */
  wait(waitMs: number, signal: StopSignal): Promise<void>;
}

const longestPressedWaitMs = 1_000;

/** Returns the urgency of one bridge. */
export function createUrgency(random: () => number = Math.random): Urgency {
  const sleepers = new Set<() => void>();
  let pressing = 0;
  return {
    press() {
      pressing += 1;
      for (const wake of [...sleepers]) wake();
      let isOver = false;
      return () => {
        if (!isOver) pressing -= 1;
        isOver = true;
      };
    },
    wait(waitMs, signal) {
      // A hundred bridges that lost the same server must not come back in step.
      const jitteredMs = waitMs * (0.5 + random() / 2);
      const ms = pressing > 0 ? Math.min(jitteredMs, longestPressedWaitMs) : jitteredMs;
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          sleepers.delete(wake);
          signal.removeEventListener("abort", onAbort);
          act();
        };
        const wake = (): void => settle(resolve);
        const onAbort = (): void => settle(() => reject(signal.reason));
        const timer = setTimeout(wake, ms);
        sleepers.add(wake);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
