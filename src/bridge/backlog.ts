export interface Backlog {
  /**
   * Counts `bytes` until `work` is over. Returns what resolves when there is room for more, undefined where there is.
   * `work` must not reject.
   */
  add(bytes: number, work: Promise<unknown>): Promise<void> | undefined;
}

/** Every message costs this at least, so that a flood of tiny ones is bounded too. */
const leastBytes = 1024;

/** Returns an account of what was taken in and is not dealt with, which holds the intake back past `maxBytes`. */
export function createBacklog(maxBytes: number): Backlog {
  let heldBytes = 0;
  let room: { promise: Promise<void>; open: () => void } | undefined;
  return {
    add(bytes, work) {
      const cost = Math.max(bytes, leastBytes);
      heldBytes += cost;
      void work.then(() => {
        heldBytes -= cost;
        if (heldBytes > maxBytes || room === undefined) return;
        room.open();
        room = undefined;
      });
      if (heldBytes <= maxBytes) return undefined;
      room ??= promiseOfRoom();
      return room.promise;
    },
  };
}

function promiseOfRoom(): { promise: Promise<void>; open: () => void } {
  let open: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
