import { setTimeout as delay } from "node:timers/promises";

/** What a server of HTTP/1.1 does with connections that wait for the next request; many do not say. */
export interface KeepAlive {
  /** Notes that a connection is free; returns what notes that it was closed. */
  freed(): () => void;
  /** Notes what became of a request on a connection that was used before. */
  reused(outcome: "answered" | "broken"): void;
  /** Resolves when it can be told whether a connection that was used before may be used again. */
  isKept(): Promise<boolean>;
  /** How long a connection may wait for the next request: for less than the server was seen to wait. */
  longestIdleMs(): number;
}

/** A server that closes after each answer does so with the answer, or hardly later. */
const closingMs = 25;

/** One that waits for less is not worth the risk: a call that meets the closing may have run, and cannot go again. */
const leastIdleMs = 1_000;

/**
 * Node.js, uvicorn and Apache close after 5 s, and what is idle for longer may be dead without a word. Opening another one
 * costs less than a call that meets the closing.
 */
const longestIdleMs = 4_000;

/** The closing is on its way for as long as the network takes. */
const idlePortion = 0.75;

/** Then it may be another server. */
const verdictMs = 60_000;

/**
 * Returns the memory of one server's ways. Until it is seen to keep connections, the first one to be used again is watched
 * for a moment before.
 */
export function createKeepAlive(now: () => number = () => performance.now()): KeepAlive {
  let isProven = false;
  let hastyUntil = Number.NEGATIVE_INFINITY;
  let lastFreedAt = Number.NEGATIVE_INFINITY;
  let seen = { idleMs: Number.POSITIVE_INFINITY, until: Number.NEGATIVE_INFINITY };

  const strike = (): void => {
    // One that kept them so far may have been started anew: it gets another trial.
    if (!isProven) hastyUntil = now() + verdictMs;
    isProven = false;
  };
  return {
    freed() {
      const freedAt = now();
      lastFreedAt = freedAt;
      return () => {
        const idleMs = now() - freedAt;
        if (idleMs < leastIdleMs) strike();
        else seen = { idleMs, until: now() + verdictMs };
      };
    },
    reused(outcome) {
      if (outcome === "broken") strike();
      else isProven = true;
    },
    async isKept() {
      const leftMs = lastFreedAt + closingMs - now();
      if (!isProven && leftMs > 0 && now() > hastyUntil) await delay(leftMs);
      return now() > hastyUntil;
    },
    longestIdleMs: () => (now() < seen.until ? Math.min(seen.idleMs * idlePortion, longestIdleMs) : longestIdleMs),
  };
}
