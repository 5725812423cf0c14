import { TsmcpError } from "../core/errors.ts";
import type { StopSignal } from "../core/stop.ts";
import { RequestLost } from "../net/origin.ts";
import type { Urgency } from "./urgency.ts";

const firstWaitMs = 200;

/** While somebody waits, and for those who try in the background. */
const longestWaitMs = { request: 1_000, background: 30_000 };

/**
 * Returns what `ask` returns, asked again as often as its answer is lost on the way: for what does no harm when it comes
 * twice. `ask` gets what is left of `waitMs`, after which this throws `dial-failed`; Infinity: for ever.
 */
export async function untilNotLost<T>(
  ask: (leftMs: number) => Promise<T>,
  { waitMs, urgency, signal }: { readonly waitMs: number; readonly urgency: Urgency; readonly signal: StopSignal },
): Promise<T> {
  const until = performance.now() + waitMs;
  const longestMs = waitMs === Number.POSITIVE_INFINITY ? longestWaitMs.background : longestWaitMs.request;
  for (let pauseMs = firstWaitMs; ; pauseMs = Math.min(pauseMs * 2, longestMs)) {
    try {
      return await ask(until - performance.now());
    } catch (error) {
      if (!(error instanceof RequestLost)) throw error;
      if (performance.now() > until) throw unsent(error);
      await urgency.wait(pauseMs, signal);
    }
  }
}

function unsent(cause: RequestLost): TsmcpError {
  return new TsmcpError({
    code: "dial-failed",
    message: `the connection to the server breaks each time (${cause.message}), so the request was not sent`,
    hint: "look into the server's log",
    facts: { layer: "connect", reason: cause.message },
    cause,
  });
}
