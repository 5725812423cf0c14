import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";

/**
 * Returns a stream that writes to a pipe or socket without ever waiting for its reader, in this thread or another; undefined
 * for a descriptor that is neither, or is closed. Hazard: the descriptor does not block from then on, for all who have it.
 */
export function descriptorStream(fd: number): Writable | undefined {
  try {
    const stat = fstatSync(fd);
    if (!stat.isFIFO() && !stat.isSocket()) return undefined;
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.unref();
    return socket;
  } catch {
    return undefined;
  }
}
