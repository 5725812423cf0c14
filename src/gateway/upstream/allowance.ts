/** What a peer may say unasked: as much at once as `burst`, and no more than `perSecond` for long. */
export interface Allowance {
  /** Takes `amount` and returns for how many milliseconds to stop listening: 0 while there is something left. */
  spend(amount: number, nowMs: number): number;
}

/** Nobody is left alone for longer than this, whatever they did. */
const longestPauseMs = 1_000;

export function createAllowance({ burst, perSecond }: { burst: number; perSecond: number }): Allowance {
  let left = burst;
  let seenMs = Number.NEGATIVE_INFINITY;
  return {
    spend(amount, nowMs) {
      left = Math.min(burst, left + (Math.max(nowMs - seenMs, 0) * perSecond) / 1_000) - amount;
      seenMs = nowMs;
      if (left >= 0) return 0;
      const pauseMs = Math.min((-left * 1_000) / perSecond, longestPauseMs);
      // What was said before the pause is paid for with it.
      left = Math.max(left, (-longestPauseMs * perSecond) / 1_000);
      return pauseMs;
    },
  };
}
