import { UpstreamFailure } from "../failure.ts";

/** How many children there may be. */
export interface Room {
  /** Returns what gives the place back. Throws UpstreamFailure where all are in use. */
  take(): Promise<() => void>;
}

/** Returns room for `max` children; `makeRoom` ends one that nobody uses now, and tells whether there was any. */
export function createRoom(max: number, makeRoom: () => Promise<boolean>): Room {
  let taken = 0;
  return {
    async take() {
      // What makes room for one may be taken by another, who came while the child ended.
      while (taken >= max) {
        if (await makeRoom()) continue;
        throw new UpstreamFailure("unreachable", `has no room: all of its ${max} processes are in use`);
      }
      taken += 1;
      let isHeld = true;
      return () => {
        if (isHeld) taken -= 1;
        isHeld = false;
      };
    },
  };
}
