import type { Duplex } from "node:stream";

/** The way out of one connection. */
export interface Outlet {
  /** Takes bytes, which must not be changed after. */
  send(bytes: Buffer): void;
  /** True while so much waits for the socket that what can wait should. */
  readonly isFull: boolean;
  /** True while nothing waits for the socket. */
  readonly isIdle: boolean;
}

/** An upload fills the socket up to here, and goes on when it drains. */
const fullBytes = 256 * 1024;

/** Up to here frames are put together; copying larger ones would cost more than it saves. */
const maxJoinedBytes = 64 * 1024;

/**
 * Returns the outlet of `socket`. What is sent in one turn of the event loop goes out in one write: calls come by the dozen, and
 * a record of TLS and a system call for each would cost more than all the rest. `onRoom` is called when it was full and is not.
 */
export function createOutlet(socket: Duplex, onRoom: () => void): Outlet {
  let held: Buffer[] = [];
  let heldBytes = 0;

  const flush = (): void => {
    const [pieces, bytes] = [held, heldBytes];
    held = [];
    heldBytes = 0;
    const [first] = pieces;
    if (first === undefined || socket.destroyed || socket.writableEnded) return;
    if (pieces.length === 1) socket.write(first);
    else if (bytes <= maxJoinedBytes) socket.write(Buffer.concat(pieces, bytes));
    else {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    }
    // A socket that took all of it at once does not say so.
    if (!socket.writableNeedDrain) onRoom();
  };
  socket.on("drain", onRoom);
  return {
    send(bytes) {
      if (heldBytes === 0) process.nextTick(flush);
      held.push(bytes);
      heldBytes += bytes.length;
    },
    get isFull() {
      return heldBytes >= fullBytes || socket.writableNeedDrain;
    },
    get isIdle() {
      return heldBytes === 0 && socket.writableLength === 0;
    },
  };
}
