import { Stop, type StopSignal } from "../../../core/stop.ts";
import { UpstreamFailure } from "../failure.ts";

/** One request's way to its answer: bounded until the answer's head is there, and not afterwards. */
export interface Stage {
  /** Fires with the caller's signal, or when the time is up. */
  readonly signal: Stop;
  /** From now on only the caller ends it. */
  arrived(): void;
  /** Must run when it is over. */
  over(): void;
}

export function startStage(caller: StopSignal, timeoutMs: number): Stage {
  const stop = new Stop();
  const onAbort = (): void => stop.abort(caller.reason);
  if (caller.aborted) onAbort();
  caller.addEventListener("abort", onAbort);
  const timer = setTimeout(() => {
    const message = `did not answer within ${timeoutMs} ms`;
    stop.abort(new UpstreamFailure("timeout", message, { mayHaveRun: true }));
  }, timeoutMs);
  return {
    signal: stop,
    arrived: () => clearTimeout(timer),
    over() {
      clearTimeout(timer);
      caller.removeEventListener("abort", onAbort);
    },
  };
}
