import type { Duplex } from "node:stream";

export type Lines =
  | { readonly kind: "lines"; readonly text: string }
  | { readonly kind: "end" }
  | { readonly kind: "too-long" };

/** What a client sends, a piece at a time. */
export interface Bytes {
  /** Returns up to `max` bytes as soon as there are any, or undefined at the end. */
  take(max: number): Promise<Buffer | undefined>;
  /** Returns all up to and with the first `\n` after which `isWhole` says so, where that is not past `max`. */
  takeLines(isWhole: (text: string) => boolean, max: number): Promise<Lines>;
  /** Lets go of the stream, and returns what nobody took. */
  release(): Buffer;
}

/** Above this the client waits. */
const highWaterBytes = 64 * 1024;

export function readBytes(stream: Duplex): Bytes {
  let waiting = Buffer.alloc(0);
  let isOver = false;
  let wake = (): void => {};
  const onData = (chunk: Buffer): void => {
    waiting = Buffer.concat([waiting, chunk]);
    if (waiting.length > highWaterBytes) stream.pause();
    wake();
  };
  const onEnd = (): void => {
    isOver = true;
    wake();
  };
  stream.on("data", onData).once("end", onEnd).once("close", onEnd);
  const more = async (): Promise<boolean> => {
    if (isOver) return false;
    const { length } = waiting;
    stream.resume();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    return waiting.length > length;
  };
  const cut = (length: number): Buffer => {
    const taken = waiting.subarray(0, length);
    waiting = waiting.subarray(length);
    return taken;
  };
  return {
    async take(max) {
      if (waiting.length === 0 && !(await more())) return undefined;
      return cut(Math.min(max, waiting.length));
    },
    async takeLines(isWhole, max) {
      for (let from = 0; ; ) {
        const at = waiting.indexOf("\n", from);
        if (at === -1) {
          from = waiting.length;
          if (waiting.length > max) return { kind: "too-long" };
          if (!(await more())) return { kind: "end" };
          continue;
        }
        const text = waiting.toString("latin1", 0, at + 1);
        if (isWhole(text)) return { kind: "lines", text: cut(at + 1).toString("latin1") };
        from = at + 1;
      }
    },
    release() {
      stream.off("data", onData).off("end", onEnd).off("close", onEnd);
      return waiting;
    },
  };
}
