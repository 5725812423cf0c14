import { UpstreamFailure } from "../failure.ts";

/** One request's way to its answer: bounded until the answer's head is there, and not afterwards. */
export interface Stage {
  /** Fires with the caller's signal, or when the time is up. */
  readonly signal: AbortSignal;
  /** From now on only the caller ends it. */
  arrived(): void;
  /** Must run when it is over. */
  over(): void;
}

export function startStage(caller: AbortSignal, timeoutMs: number): Stage {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(caller.reason);
  if (caller.aborted) onAbort();
  caller.addEventListener("abort", onAbort);
  const timer = setTimeout(() => {
    const message = `did not answer within ${timeoutMs} ms`;
    controller.abort(new UpstreamFailure("timeout", message, { mayHaveRun: true }));
  }, timeoutMs);
  return {
    signal: controller.signal,
    arrived: () => clearTimeout(timer),
    over() {
      clearTimeout(timer);
      caller.removeEventListener("abort", onAbort);
    },
  };
}
