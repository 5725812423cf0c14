/** Servers that end a stream say when to come back; the others get a second. */
const defaultMs = 1_000;

/** A server that says 0 would be asked as fast as it ends the streams. */
const leastMs = 100;

/** Whoever says more has mistaken the unit: somebody waits. */
const mostMs = 10 * 60 * 1000;

/** Returns how long to wait before a stream is resumed, where `retry` says so many milliseconds, or nothing. */
export function resumeDelay(askedMs: number | undefined): number {
  return Math.min(Math.max(askedMs ?? defaultMs, leastMs), mostMs);
}
