/** Bytes that come in parts and are wanted as a whole. */
export interface Accumulator {
  readonly size: number;
  /** Takes a part, which must not be changed afterwards. */
  add(part: Buffer): void;
  /** Returns what was added, and starts anew. */
  bytes(): Buffer;
}

const empty = Buffer.alloc(0);

/**
 * Returns an accumulator that copies the parts together while more are on their way, not all at once at the end, when
 * somebody waits. A part that comes alone is not copied. `expectedBytes`, where the whole is known, spares it from growing:
 * memory that is used for the first time costs more than the copying.
 */
export function createAccumulator(expectedBytes = 0): Accumulator {
  let store: Buffer = empty;
  let size = 0;
  let isOwn = false;
  return {
    get size() {
      return size;
    },
    add(part) {
      if (size === 0) {
        store = part;
        isOwn = false;
      } else {
        if (!isOwn || size + part.length > store.length) {
          // Doubled, so that a byte is copied twice at most, on average.
          const needed = size + part.length;
          const larger = Buffer.allocUnsafeSlow(needed <= expectedBytes ? expectedBytes : 2 * needed);
          store.copy(larger, 0, 0, size);
          store = larger;
          isOwn = true;
        }
        part.copy(store, size);
      }
      size += part.length;
    },
    bytes() {
      const all = store.subarray(0, size);
      store = empty;
      size = 0;
      isOwn = false;
      return all;
    },
  };
}
