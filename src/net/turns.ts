import type { StopSignal } from "../core/stop.ts";

/** Admits a number at a time, in order of arrival. */
export interface Turns {
  /** Resolves when it is one's turn, with what ends it (once; more calls do nothing); rejects with the reason of `signal`. */
  take(signal?: StopSignal): Promise<() => void>;
}

export function createTurns(limit: number): Turns {
  const waiting = new Set<() => void>();
  let taken = 0;

  const ending = (): (() => void) => {
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const [next] = waiting;
      if (next === undefined) taken -= 1;
      else {
        waiting.delete(next);
        next();
      }
    };
  };
  return {
    take(signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (taken < limit) {
        taken += 1;
        return Promise.resolve(ending());
      }
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiting.delete(admit);
          reject(signal?.reason);
        };
        const admit = (): void => {
          signal?.removeEventListener("abort", onAbort);
          resolve(ending());
        };
        waiting.add(admit);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
