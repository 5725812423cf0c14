export type Side = "private" | "public";

/** What `/metrics` tells of the requests so far. */
export interface Counters {
  count(side: Side, status: number): void;
  readonly lines: () => readonly string[];
}

export function createCounters(): Counters {
  const counts = new Map<string, number>();
  return {
    count(side, status) {
      const key = `{view="${side}",status="${status}"}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    lines: () => [...counts].map(([labels, count]) => `tsmcp_gateway_requests_total${labels} ${count}`),
  };
}
