import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";

/** What takes a half-done join back, the latest first. */
export interface UndoList {
  /** Remembers how to take back what is about to be done. */
  add(takeBack: () => Promise<void> | void): void;
  /** Forgets everything: the join is complete. */
  clear(): void;
  /** Takes everything back. What cannot be taken back is told, and the rest goes on. */
  run(log: Log): Promise<void>;
}

export function createUndoList(): UndoList {
  let steps: (() => Promise<void> | void)[] = [];
  return {
    add: (takeBack) => steps.push(takeBack),
    clear: () => {
      steps = [];
    },
    run: async (log) => {
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          log.warn(`could not undo everything: ${messageOf(error)}`);
        }
      }
    },
  };
}
