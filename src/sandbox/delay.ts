import { Transform } from "node:stream";
import type { Socket } from "../net/tcp-server.ts";

/** Joins two streams so that every byte arrives `delayMs` late, in each direction. */
export function splicedLate(one: Socket, other: Socket, delayMs: number): void {
  const end = (): void => {
    one.destroySoon();
    other.destroySoon();
  };
  one.pipe(late(delayMs)).pipe(other);
  other.pipe(late(delayMs)).pipe(one);
  for (const socket of [one, other]) socket.on("error", () => {}).once("close", end);
}

/** Passes chunks on in their order; many can be under way at once. */
function late(delayMs: number): Transform {
  const waiting = new Set<NodeJS.Timeout>();
  const after = (act: () => void): void => {
    const timer = setTimeout(() => {
      waiting.delete(timer);
      act();
    }, delayMs);
    waiting.add(timer);
  };
  return new Transform({
    transform(chunk, _encoding, done) {
      after(() => this.push(chunk));
      done();
    },
    flush(done) {
      after(() => done());
    },
    destroy(error, done) {
      for (const timer of waiting) clearTimeout(timer);
      done(error);
    },
  });
}
