import { TsmcpError } from "../core/errors.ts";
import type { StopSignal } from "../core/stop.ts";
import type { Answer } from "../mcp/endpoint.ts";
import type { Urgency } from "./urgency.ts";

const firstWaitMs = 50;

/** While a request waits, and for those who try in the background. */
const longestWaitMs = { request: 1_000, background: 30_000 };

/** What stands in front of the server could not reach it: with tailscale serve, the server is not there yet. */
export class Unavailable extends Error {
  readonly answer: Extract<Answer, { kind: "refused" }>;

  constructor(answer: Extract<Answer, { kind: "refused" }>) {
    super(`HTTP ${answer.status}`);
    this.name = "Unavailable";
    this.answer = answer;
  }
}

export interface Patience {
  /** Infinity: for ever, with waits that grow to 30 s. */
  readonly patienceMs: number;
  readonly urgency: Urgency;
  readonly signal: StopSignal;
  /** Opens the way; undefined where it is open. Nothing has been sent until it is. */
  readonly connect: () => Promise<void> | undefined;
  readonly onWait: (error: Error) => void;
}

/**
 * Returns what `attempt` returns, tried again while there is no way to the server (`dial-failed`: nothing was sent yet) or
 * no server at its end (Unavailable), until `patienceMs` have passed. Throws the last failure, or the reason of `signal`.
 */
export function patiently<T>(attempt: () => Promise<T>, patience: Patience): Promise<T> {
  const { patienceMs, signal, urgency, connect, onWait } = patience;
  const until = performance.now() + patienceMs;
  const longestMs = patienceMs === Number.POSITIVE_INFINITY ? longestWaitMs.background : longestWaitMs.request;
  let last: Error | undefined;

  const once = (): Promise<T> => {
    const connecting = connect();
    if (connecting === undefined) return attempt();
    return within(connecting, { leftMs: until - performance.now(), signal, last }).then(attempt);
  };
  const again = async (failure: unknown): Promise<T> => {
    let error = failure;
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestMs)) {
      if (signal.aborted) throw signal.reason;
      const leftMs = until - performance.now();
      if (leftMs <= 0 || !isWorthWaiting(error, patienceMs)) throw error;
      last = error;
      onWait(error);
      await urgency.wait(Math.min(waitMs, leftMs), signal);
      try {
        return await once();
      } catch (next) {
        error = next;
      }
    }
  };
  // Nearly every request finds the way open, and goes through nothing else.
  return once().catch(again);
}

/** A dial knows best why it failed, so it gets a moment more than it should need before it is left behind. */
const graceMs = 250;

/** A dial that hangs must not hold a request beyond its patience, though others may go on waiting for the same dial. */
function within(
  connecting: Promise<void>,
  { leftMs, signal, last }: { leftMs: number; signal: StopSignal; last: Error | undefined },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onAbort = (): void => settle(() => reject(signal.reason));
    const giveUp = (): void => settle(() => reject(last ?? noWayYet(leftMs)));
    const timer = Number.isFinite(leftMs) ? setTimeout(giveUp, Math.max(leftMs, 0) + graceMs) : undefined;
    signal.addEventListener("abort", onAbort, { once: true });
    connecting.then(
      () => settle(resolve),
      (error: unknown) => settle(() => reject(error)),
    );
    if (signal.aborted) onAbort();
  });
}

function noWayYet(waitedMs: number): TsmcpError {
  const reason = `no connection within ${Math.round(waitedMs)} ms`;
  return new TsmcpError({
    code: "dial-failed",
    message: `cannot reach the server: ${reason}`,
    hint: 'check the way with "tsmcp status"',
    facts: { layer: "connect", reason },
  });
}

/** Who tries for ever tries with a wrong certificate too: somebody may mend it. */
function isWorthWaiting(error: unknown, patienceMs: number): error is TsmcpError | Unavailable {
  if (patienceMs !== Number.POSITIVE_INFINITY) return isPassing(error);
  return error instanceof Unavailable || (error instanceof TsmcpError && error.code === "dial-failed");
}

/** A wrong certificate stays wrong; a proxy, a name, a port and a server may come. */
export function isPassing(error: unknown): error is TsmcpError | Unavailable {
  if (error instanceof Unavailable) return true;
  if (!(error instanceof TsmcpError) || error.code !== "dial-failed") return false;
  return !isAboutCertificate(error.cause);
}

/** A proxy's certificate stands one cause further in than the server's. */
function isAboutCertificate(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if ("code" in cause && /CERT|SIGNATURE|ALTNAME/.test(String(cause.code))) return true;
  return isAboutCertificate(cause.cause);
}
