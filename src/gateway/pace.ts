import { createWaitingLine } from "./waiting-line.ts";

/** Lets so many through a second, and the rest wait their turn; past `maxWaiting` nobody waits. */
export interface Pace {
  /** Resolves at the caller's turn; false at once where too many wait already. What costs more takes the time of several. */
  turn(cost?: number): Promise<boolean> | true | false;
  /** Resolves when one that got no turn may be told so: after a while, and of them fewer a second than get one. */
  refusal(): Promise<void>;
}

/** Told at once, a flood's sender would come again at once. */
const refusalMs = 1_000;

/** Who is refused comes again on another connection, which costs more than an answer does. */
const stepsPerRefusal = 4;

/** However many are refused, none waits longer: proxies on the way give up after some time. */
const maxRefusalMs = 5_000;

/**
 * Returns a pace of `perSecond`, with `burst` at once after a pause. Waiting costs a flood's sender its connections and us
 * a place in line, where answering "too many" would cost us an answer each.
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
  let lastRefusalMs = 0;
  const turns = createWaitingLine(now);
  const refusals = createWaitingLine(now);
  return {
    turn(cost = 1) {
      const nowMs = now();
      nextMs = Math.max(nextMs, nowMs - burst * stepMs);
      if (nextMs - nowMs > maxWaiting * stepMs) return false;
      const waitMs = nextMs - nowMs;
      nextMs += cost * stepMs;
      return waitMs <= 0 ? true : turns.until(nowMs + waitMs).then(isIn);
    },
    refusal() {
      lastRefusalMs = refusalTimeMs({ nowMs: now(), lastRefusalMs, stepMs });
      return refusals.until(lastRefusalMs);
    },
  };
}

/** Returns when the next one may be told so that it got no turn, after the last one. */
export function refusalTimeMs({
  nowMs,
  lastRefusalMs,
  stepMs,
}: {
  readonly nowMs: number;
  readonly lastRefusalMs: number;
  readonly stepMs: number;
}): number {
  return Math.min(Math.max(nowMs + refusalMs, lastRefusalMs + stepsPerRefusal * stepMs), nowMs + maxRefusalMs);
}

function isIn(): true {
  return true;
}
