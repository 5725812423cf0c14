/** Lets so many through a second, and the rest wait their turn; past `maxWaiting` nobody waits. */
export interface Pace {
  /** Resolves at the caller's turn; false at once where too many wait already. What costs more takes the time of several. */
  turn(cost?: number): Promise<boolean> | true | false;
}

/**
 * Returns a pace of `perSecond`, with `burst` at once after a pause. Waiting costs a flood's sender its connections and us
 * a timer, where answering "too many" would cost us an answer each.
 */
export function createPace({
  perSecond,
  burst,
  maxWaiting,
  now = () => performance.now(),
}: {
  readonly perSecond: number;
  readonly burst: number;
  readonly maxWaiting: number;
  readonly now?: () => number;
}): Pace {
  const stepMs = 1_000 / perSecond;
  /** When the next one would go if there were no burst. */
  let nextMs = 0;
  return {
    turn(cost = 1) {
      const nowMs = now();
      nextMs = Math.max(nextMs, nowMs - burst * stepMs);
      if (nextMs - nowMs > maxWaiting * stepMs) return false;
      const waitMs = nextMs - nowMs;
      nextMs += cost * stepMs;
      return waitMs <= 0 ? true : new Promise((resolve) => setTimeout(() => resolve(true), waitMs).unref());
    },
  };
}
