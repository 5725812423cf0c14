import { Transform } from "node:stream";
import { dial } from "../net/dial.ts";
import { type Listener, type Socket, startListener } from "../net/tcp-server.ts";

const hopLimitMs = 5_000;

/** Hands a connection on by way of a relay from which every byte arrives `delayMs` late, in each direction. */
export async function relay(socket: Socket, delayMs: number, accept: (socket: Socket) => void): Promise<void> {
  let opened: Listener | undefined;
  try {
    const listener = await startListener({ port: 0 }, accept);
    opened = listener;
    const hop = await dial({ host: "127.0.0.1", port: listener.port }, undefined, { timeoutMs: hopLimitMs });
    hop.once("close", () => void listener.close());
    // Of a socket that has gone meanwhile nothing more is heard.
    if (socket.destroyed) hop.destroy();
    else spliceLate(socket, hop, delayMs);
  } catch {
    socket.destroy();
    await opened?.close();
  }
}

/** Joins two streams so that every byte arrives `delayMs` late, in each direction. */
function spliceLate(one: Socket, other: Socket, delayMs: number): void {
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
