/** What was used last, under its name: no more than `max` of it, and at least half as many. */
export interface Recent<Value> {
  readonly size: () => number;
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
}

/**
 * Returns it in two halves: what is used stands in the younger one, and when that is full, the older one is forgotten whole.
 * So a use costs a look and no change, where a Map in the order of use would be rewritten by every request.
 */
export function createRecent<Value>(max: number): Recent<Value> {
  let younger = new Map<string, Value>();
  let older = new Map<string, Value>();
  const set = (key: string, value: Value): void => {
    older.delete(key);
    if (younger.size * 2 >= max && !younger.has(key)) {
      older = younger;
      younger = new Map();
    }
    younger.set(key, value);
  };
  return {
    size: () => younger.size + older.size,
    get(key) {
      const value = younger.get(key);
      if (value !== undefined) return value;
      const found = older.get(key);
      if (found !== undefined) set(key, found);
      return found;
    },
    set,
    delete(key) {
      younger.delete(key);
      older.delete(key);
    },
  };
}
