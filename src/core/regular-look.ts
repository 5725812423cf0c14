/** Something that is looked at every so often, by one look at a time. */
export interface RegularLook {
  /** Looks now, unless it is looking. */
  readonly now: () => void;
  /** Ends the look under way too. */
  readonly close: (reason: string) => void;
}

/** Looks from `everyMs` on; keeps no process alive. A look that fails tells nothing, and the next one is as good. */
export function lookRegularly(everyMs: number, look: (signal: AbortSignal) => Promise<void>): RegularLook {
  const closing = new AbortController();
  let isLooking = false;
  const now = (): void => {
    if (isLooking) return;
    isLooking = true;
    void look(closing.signal)
      .catch(() => {})
      .finally(() => {
        isLooking = false;
      });
  };
  const timer = setInterval(now, everyMs).unref();
  return {
    now,
    close(reason) {
      clearInterval(timer);
      closing.abort(new Error(reason));
    },
  };
}
