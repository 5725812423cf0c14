import { createAccumulator } from "./accumulator.ts";

/** One line without its end, or what is left to tell of one that was too long: enough to find out whose it was. */
export type Line =
  | { readonly kind: "line"; readonly bytes: Buffer }
  | { readonly kind: "oversize"; readonly head: Buffer; readonly tail: Buffer; readonly totalBytes: number };

export interface LineSplitter {
  /** Returns the lines that `chunk` completes. */
  push(chunk: Buffer): Line[];
  /** Returns the last line, if the input ended without a line break. */
  end(): Line[];
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const maxRemnantBytes = 4096;

/**
 * Returns a splitter at `\n` (a `\r` before it is dropped) that searches every byte once and holds at most
 * `maxLineBytes` and a chunk, in room for twice that; a longer line is read to its end and forgotten.
 */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  const held = createAccumulator();
  let oversize: { head: Buffer; tail: Buffer; totalBytes: number } | undefined;

  const add = (part: Buffer): void => {
    if (oversize !== undefined) {
      oversize.totalBytes += part.length;
      oversize.tail = lastBytes([oversize.tail, part]);
      return;
    }
    held.add(part);
    // One byte of grace, for the `\r` that does not count.
    if (held.size <= maxLineBytes + 1) return;
    const bytes = held.bytes();
    oversize = { head: firstBytes(bytes), tail: lastBytes([bytes]), totalBytes: bytes.length };
  };
  const take = (): Line => {
    const line = finishedLine({ bytes: held.bytes(), oversize, maxLineBytes });
    oversize = undefined;
    return line;
  };
  return {
    push(chunk) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        add(chunk.subarray(start, end));
        lines.push(take());
        start = end + 1;
      }
      if (start < chunk.length) add(chunk.subarray(start));
      return lines;
    },
    end: () => (held.size > 0 || oversize !== undefined ? [take()] : []),
  };
}

/** Yields the lines of `input`, the last one too when it has no end. */
export async function* linesOf(input: AsyncIterable<Buffer | string>, maxLineBytes: number): AsyncGenerator<Line> {
  const splitter = createLineSplitter(maxLineBytes);
  for await (const chunk of input) yield* splitter.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  yield* splitter.end();
}

function finishedLine(read: {
  bytes: Buffer;
  oversize: { head: Buffer; tail: Buffer; totalBytes: number } | undefined;
  maxLineBytes: number;
}): Line {
  if (read.oversize !== undefined) return { kind: "oversize", ...read.oversize };
  const bytes = read.bytes.at(-1) === carriageReturn ? read.bytes.subarray(0, -1) : read.bytes;
  if (bytes.length <= read.maxLineBytes) return { kind: "line", bytes };
  return { kind: "oversize", head: firstBytes(bytes), tail: lastBytes([bytes]), totalBytes: bytes.length };
}

// Copies, so that a remnant does not keep the memory of what it was cut from.
function firstBytes(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, maxRemnantBytes));
}

function lastBytes(parts: readonly Buffer[]): Buffer {
  return Buffer.from(Buffer.concat(parts).subarray(-maxRemnantBytes));
}
