export interface Wait {
  /** Completes "waiting for …" in the error. */
  readonly what: string;
  readonly timeoutMs?: number;
  /** Added to the error: the log of whoever should have brought it about. */
  readonly log?: () => string;
  /** Throws when waiting further is pointless. */
  readonly alive?: () => void;
}

/** Asks until the answer is not undefined, at growing distances, and returns it. Throws after `timeoutMs` (60 s, in which nothing that works is late on any machine). */
export async function until<T>(wait: Wait, ask: () => Promise<T | undefined>): Promise<T> {
  const { what, timeoutMs = 60_000, log, alive } = wait;
  const started = performance.now();
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 1.5, 50)) {
    alive?.();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() - started > timeoutMs) {
      throw new Error(`waited ${timeoutMs}ms for ${what}${log ? `\n${log()}` : ""}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
