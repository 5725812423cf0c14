const firstMs = 500;
const longestMs = 30_000;

/**
 * Returns how long to wait before the daemon is started once more: nothing after one end, for a node that fell over once
 * is to be back at once; twice as long after each further one.
 */
export function backOffMs(endsInARow: number): number {
  return endsInARow <= 1 ? 0 : Math.min(longestMs, firstMs * 2 ** Math.min(endsInARow - 2, 16));
}
