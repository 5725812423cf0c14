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

/**
 * Returns a writer of whole lines, in order, that holds back while the reader is slow.
 * Hazard: a destroyed stream never drains, so waiting ends with the close and the error too.
 */
export function createLineWriter(stream: Writable): LineWriter {
  let wake: () => void = () => {};
  let drained: Promise<void> | undefined;
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
  return {
    closed,
    flushed: () => (isOver(stream) ? Promise.resolve() : new Promise((resolve) => stream.write("", () => resolve()))),
    async write(line) {
      while (stream.writableNeedDrain && !isOver(stream)) await untilDrained();
      if (isOver(stream)) return "closed";
      stream.cork();
      stream.write(line);
      stream.write(newline);
      stream.uncork();
      return "written";
    },
  };
}

function isOver(stream: Writable): boolean {
  return stream.destroyed || stream.errored !== null || stream.writableEnded;
}
