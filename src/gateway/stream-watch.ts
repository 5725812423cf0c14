/** Has everybody whose stream is open looked at again, every few seconds. */
export interface StreamWatch {
  /** Calls `look` now and then; returns what ends that. */
  add(look: () => void): () => void;
  /** Everybody is looked at at once: the rules have changed. */
  lookAgain(): void;
  close(): void;
}

const tickMs = 1_000;

/** As long as an answer of tailscaled's is kept, so each look costs one question. */
const ticksAround = 3;

/** More questions in a second would be felt by tailscaled; thousands of streams take longer instead. */
const maxPerTick = 100;

export function createStreamWatch(): StreamWatch {
  const looks = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    const count = Math.min(Math.ceil(looks.size / ticksAround), maxPerTick);
    // Who was looked at goes to the end.
    for (const look of [...looks].slice(0, count)) {
      looks.delete(look);
      looks.add(look);
      look();
    }
  };
  const stopWhenIdle = (): void => {
    if (looks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    add(look) {
      looks.add(look);
      timer ??= setInterval(tick, tickMs).unref();
      return () => {
        looks.delete(look);
        stopWhenIdle();
      };
    },
    lookAgain() {
      for (const look of [...looks]) look();
    },
    close() {
      looks.clear();
      stopWhenIdle();
    },
  };
}
