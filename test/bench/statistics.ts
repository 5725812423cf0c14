/** The middle and the spread of a measure. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Returns the summary of at least one value. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: percentile(sorted, 0.5),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    runs: sorted.length,
  };
}

/** Returns the middle of what was measured; undefined where one is missing, because that is a failure. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const all = values.filter((value) => value !== undefined);
  if (all.length === 0 || all.length < values.length) return undefined;
  return percentile(
    all.sort((a, b) => a - b),
    0.5,
  );
}

/** Returns the value below which `share` of the sorted values lie, by linear interpolation. */
export function percentile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Runs both in turn, A B A B …, so that a machine whose speed drifts is fair to both; returns milliseconds. */
export async function inTurn(
  rounds: number,
  contestants: Readonly<Record<string, () => Promise<number>>>,
): Promise<Record<string, Summary>> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const ms = await run();
      // The first round warms the caches.
      if (round > 0) times[name]?.push(ms);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, summarize(list)]));
}
