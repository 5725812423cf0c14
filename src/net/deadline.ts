import { untilAborted } from "../core/until-aborted.ts";

/** A signal that fires when the caller's does or after `timeoutMs`, and says which of the two it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True once the time is up, which the caller's own signal never makes it. */
  readonly expired: boolean;
  /** Rejects when the signal fires, for work that cannot be told to stop. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Frees the timer and the listener; must run when the work is over. */
  stop(): void;
}

export function startDeadline(options: {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
}): Deadline {
  const controller = new AbortController();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    controller.abort(new Error(`no answer within ${options.timeoutMs} ms`));
  }, options.timeoutMs);
  const passOn = (): void => controller.abort(options.signal?.reason);
  if (options.signal?.aborted) passOn();
  else options.signal?.addEventListener("abort", passOn, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    race: (work) => untilAborted(work, controller.signal),
    stop() {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", passOn);
    },
  };
}
