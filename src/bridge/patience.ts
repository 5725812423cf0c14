import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../core/errors.ts";

const firstWaitMs = 50;
const longestWaitMs = 1_000;

/**
 * Returns what `attempt` returns, tried again while there is no way to the server (`dial-failed`: nothing was sent yet),
 * until `patienceMs` have passed. Throws the last failure, or the reason of `signal`.
 */
export async function patiently<T>(
  attempt: () => Promise<T>,
  options: { readonly patienceMs: number; readonly signal: AbortSignal; readonly onWait?: (error: TsmcpError) => void },
): Promise<T> {
  const until = performance.now() + options.patienceMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await attempt();
    } catch (error) {
      const left = until - performance.now();
      if (left <= 0 || !isPassing(error)) throw error;
      options.onWait?.(error);
      await delay(Math.min(waitMs, left), undefined, { signal: options.signal }).catch(() => {
        throw options.signal.reason;
      });
    }
  }
}

/** A wrong certificate stays wrong; a proxy, a name and a port may come. */
function isPassing(error: unknown): error is TsmcpError {
  if (!(error instanceof TsmcpError) || error.code !== "dial-failed") return false;
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return !/CERT|SIGNATURE|ALTNAME/.test(code);
}
