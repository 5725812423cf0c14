import type { StopSignal } from "./stop.ts";

/** Returns what `work` returns, or rejects with the reason of `signal`; the work goes on, for the others who wait for it. */
export function untilAborted<T>(work: Promise<T>, signal: StopSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    // Also when it is too late already: nobody else may be there to be told that the work fails.
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
