import type { Writable } from "node:stream";

export interface LineWriter {
  /** Returns once the stream takes more: `written`, or `closed` when nobody reads any longer. */
  write(line: Uint8Array): Promise<"written" | "closed">;
  /** Resolves when everything so far was handed to the reader, or the stream is closed. */
  flushed(): Promise<void>;
  /** Resolves when the stream is closed or broken. */
  readonly closed: Promise<void>;
}

const newline = Buffer.from("\n");
const written = Promise.resolve("written" as const);
const noLonger = Promise.resolve("closed" as const);

/** Up to here lines are put together in one write; copying a longer one would cost more than it saves. */
const maxJoinedBytes = 64 * 1024;

/**
 * Returns a writer of whole lines, in order, that holds back while the reader is slow. The first line of a turn of the event
 * loop goes out at once, what comes besides in one write: answers arrive by the dozen, and a system call for each would
 * cost more than all the rest.
 * Hazard: a destroyed stream never drains, so waiting ends with the close and the error too.
 */
export function createLineWriter(stream: Writable): LineWriter {
  let wake: () => void = () => {};
  let drained: Promise<void> | undefined;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let flushing: NodeJS.Immediate | undefined;
  const closed = new Promise<void>((resolve) => {
    const settle = (): void => {
      resolve();
      wake();
    };
    stream.once("close", settle).once("finish", settle).on("error", settle);
    if (isOver(stream)) settle();
  });
  const untilDrained = (): Promise<void> => {
    // One listener for all who wait.
    drained ??= new Promise<void>((resolve) => {
      wake = () => {
        drained = undefined;
        resolve();
      };
      stream.once("drain", wake);
    });
    return drained;
  };
  const endTurn = (): void => {
    flushing = undefined;
    flush();
  };
  const flush = (): void => {
    const [lines, bytes] = [held, heldBytes];
    held = [];
    heldBytes = 0;
    if (lines.length === 0 || isOver(stream)) return;
    if (bytes <= maxJoinedBytes) return void stream.write(Buffer.concat(lines, bytes));
    stream.cork();
    for (const line of lines) stream.write(line);
    stream.uncork();
  };
  const put = (line: Uint8Array): Promise<"written" | "closed"> => {
    if (isOver(stream)) return noLonger;
    held.push(line, newline);
    heldBytes += line.byteLength + newline.byteLength;
    if (flushing === undefined || heldBytes > maxJoinedBytes) flush();
    flushing ??= setImmediate(endTurn);
    return written;
  };
  const putWhenDrained = async (line: Uint8Array): Promise<"written" | "closed"> => {
    while (stream.writableNeedDrain && !isOver(stream)) await untilDrained();
    return put(line);
  };
  return {
    closed,
    flushed() {
      flush();
      return isOver(stream) ? Promise.resolve() : new Promise((resolve) => stream.write("", () => resolve()));
    },
    write: (line) => (stream.writableNeedDrain && !isOver(stream) ? putWhenDrained(line) : put(line)),
  };
}

function isOver(stream: Writable): boolean {
  return stream.destroyed || stream.errored !== null || stream.writableEnded;
}
