import { frame, frameTypes } from "./frame.ts";
import type { Outlet } from "./outlet.ts";

/** The PINGs of one connection that wait for their answer. */
export interface Pings {
  /** Tells in milliseconds how long one took; rejects when it does not come back within `timeoutMs`. */
  ping(timeoutMs: number): Promise<number>;
  /** Takes the payload of an answer. */
  answered(payload: Buffer): void;
  failAll(error: Error): void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function createPings(outlet: Outlet): Pings {
  const waiting = new Map<string, Waiting>();
  let last = 0;
  return {
    ping(timeoutMs) {
      const startMs = performance.now();
      last += 1;
      const payload = Buffer.alloc(8);
      payload.writeUInt32BE(last, 4);
      const key = payload.toString("latin1");
      return new Promise((resolve, reject) => {
        const giveUp = (): void => {
          waiting.delete(key);
          reject(new Error(`no PING came back within ${timeoutMs} ms`));
        };
        // A machine that slept finds its timers expired and the answer unread, so what arrived is read first.
        const timer = setTimeout(() => setImmediate(() => waiting.has(key) && giveUp()), timeoutMs);
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          waiting.delete(key);
          act();
        };
        waiting.set(key, {
          resolve: () => settle(() => resolve(performance.now() - startMs)),
          reject: (error) => settle(() => reject(error)),
        });
        outlet.send(frame({ type: frameTypes.ping, flags: 0, streamId: 0 }, payload));
      });
    },
    answered: (payload) => waiting.get(payload.toString("latin1"))?.resolve(),
    failAll(error) {
      for (const { reject } of waiting.values()) reject(error);
    },
  };
}
