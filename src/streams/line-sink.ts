import { write as writeDescriptor } from "node:fs";
import type { Writable } from "node:stream";

/** Takes lines at once and writes them when it can; what nobody takes in time is dropped and counted. */
export interface LineSink {
  line(text: string): void;
  readonly dropped: () => number;
  /** Resolves when everything is written, or `limitMs` is over. */
  flush(limitMs: number): Promise<void>;
}

/** Hands on bytes, and says when it can take more, or that they are lost. */
export type WriteBytes = (bytes: Buffer, done: (error?: Error | null) => void) => void;

/** A slow reader is waited for with this much, about ten thousand lines. */
export const maxPendingBytes = 4 * 1024 * 1024;

/** A line for each call, each in a write of its own, would cost a busy service more than to make them. */
const gatherMs = 10;

export function createLineSink(write: WriteBytes, limitBytes = maxPendingBytes): LineSink {
  let held: string[] = [];
  let heldBytes = 0;
  let isWriting = false;
  let due: NodeJS.Timeout | undefined;
  let dropped = 0;
  const waiting = new Set<() => void>();
  const next = (): void => {
    clearTimeout(due);
    due = undefined;
    if (isWriting) return;
    if (held.length === 0) {
      for (const go of waiting) go();
      return;
    }
    const lines = held;
    held = [];
    isWriting = true;
    const bytes = Buffer.from(lines.join(""));
    write(bytes, (error) => {
      isWriting = false;
      heldBytes -= bytes.length;
      if (error) dropped += lines.length;
      if (held.length === 0 || waiting.size > 0) next();
      else due ??= setTimeout(next, gatherMs);
    });
  };
  return {
    line(text) {
      const line = `${text}\n`;
      const bytes = Buffer.byteLength(line);
      if (heldBytes + bytes > limitBytes) {
        dropped += 1;
        return;
      }
      held.push(line);
      heldBytes += bytes;
      if (!isWriting) due ??= setTimeout(next, gatherMs);
    },
    dropped: () => dropped,
    flush(limitMs) {
      return new Promise((resolve) => {
        const go = (): void => {
          clearTimeout(late);
          waiting.delete(go);
          resolve();
        };
        const late = setTimeout(go, limitMs);
        waiting.add(go);
        if (!isWriting && held.length === 0) go();
        else next();
      });
    },
  };
}

/** Writes to a stream; one that is broken takes nothing. */
export function toStream(stream: Writable): WriteBytes {
  stream.on("error", () => {});
  return (bytes, done) => {
    if (stream.destroyed) setImmediate(done, new Error("the stream is closed"));
    else stream.write(bytes, done);
  };
}

/** Writes to a file, or to what else never lets its writer wait. */
export function toDescriptor(fd: number): WriteBytes {
  /** A full disk takes the beginning of a line; once there is room, the next one must not be its end. */
  let isTorn = false;
  const write: WriteBytes = (bytes, done) =>
    writeDescriptor(fd, bytes, (error, written) => {
      if (error === null) isTorn = bytes[written - 1] !== newline;
      if (error !== null || written === bytes.length) done(error);
      else write(bytes.subarray(written), done);
    });
  return (bytes, done) => write(isTorn ? Buffer.concat([Buffer.of(newline), bytes]) : bytes, done);
}

const newline = 0x0a;
