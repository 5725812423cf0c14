import type { Readable } from "node:stream";
import { createLineSplitter, type Line } from "./lines.ts";

/**
 * Hands the lines of `input` to `take`, the last one too when it has no end. What `take` returns has to be over before the
 * next line comes; the input stands still until then. Resolves at the end of the input, or when it is closed; rejects when
 * it breaks, or `take` does.
 * By the events of the stream, because iterating costs a line more than all the rest of its way.
 */
export function takeLines(
  input: Readable,
  maxLineBytes: number,
  take: (line: Line) => Promise<unknown> | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const splitter = createLineSplitter(maxLineBytes);
    let isBusy = false;
    let isOver = false;
    let rest: Line[] = [];

    const goOn = (lines: readonly Line[]): void => {
      let next = 0;
      for (const line of lines) {
        next += 1;
        const busy = take(line);
        if (busy === undefined) continue;
        isBusy = true;
        input.pause();
        rest = lines.slice(next);
        busy.then(resume, reject);
        return;
      }
      if (isOver) resolve();
    };
    const resume = (): void => {
      isBusy = false;
      const lines = rest;
      rest = [];
      goOn(lines);
      if (!isBusy) input.resume();
    };
    /** Chunks may come while the stream stands still: it says so only to itself. */
    const add = (lines: Line[]): void => {
      if (isBusy) rest = rest.concat(lines);
      else goOn(lines);
    };
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      add(splitter.end());
    };
    input.on("data", (chunk: Buffer | string) => {
      add(splitter.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk));
    });
    input.on("error", reject).on("end", end).on("close", end);
  });
}
