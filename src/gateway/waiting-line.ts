/** Those that wait, each until its time. */
export interface WaitingLine {
  /** Resolves at this time of `now`, or a little later; the times of those that ask come in order. */
  until(atMs: number): Promise<void>;
}

interface Waiting {
  readonly atMs: number;
  readonly go: () => void;
}

/**
 * Returns a line with one timer for all who wait. Of those whose time has come, one goes in each turn of the event loop:
 * whatever else has arrived by then is read in between, so that a thousand that came together hold nobody up together.
 */
export function createWaitingLine(now: () => number): WaitingLine {
  const waiting: Waiting[] = [];
  let isAwake = false;
  const look = (): void => {
    const first = waiting[0];
    isAwake = first !== undefined;
    if (first === undefined) return;
    const leftMs = first.atMs - now();
    if (leftMs > 0) {
      // Part of a millisecond is none to a timer, which would look too early.
      setTimeout(look, Math.ceil(leftMs)).unref();
      return;
    }
    waiting.shift();
    first.go();
    setImmediate(look).unref();
  };
  return {
    until: (atMs) =>
      new Promise((resolve) => {
        waiting.push({ atMs, go: resolve });
        if (!isAwake) look();
      }),
  };
}
