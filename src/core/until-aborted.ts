import type { StopSignal } from "./stop.ts";

/** Returns what `work` returns, or rejects with the reason of `signal`; the work goes on, for the others who wait for it. */
export function untilAborted<T>(work: Promise<T>, signal: StopSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
