import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";

/** What has to be taken back, the last first. */
export interface Undo {
  add(step: () => Promise<void>): void;
  /** Takes everything back, also when a part of it fails, and returns whether all of it worked. Nothing is done twice. */
  all(log: Log): Promise<boolean>;
}

export function createUndo(): Undo {
  const steps: (() => Promise<void>)[] = [];
  return {
    add: (step) => void steps.push(step),
    async all(log) {
      let isWhole = true;
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          isWhole = false;
          log.warn(messageOf(error));
        }
      }
      return isWhole;
    },
  };
}
