import type { Bytes } from "./bytes.ts";
import type { BodyFraming } from "./head.ts";

/** As much as Go reads at once. */
const pieceBytes = 32 * 1024;
/** Go's limit for the line before a chunk. Source: Go `net/http/internal` maxLineLength. */
const maxLineBytes = 4096;

/** Yields a body without its framing. Throws where that is broken or ends too early. */
export async function* readBody(bytes: Bytes, framing: BodyFraming): AsyncGenerator<Buffer, void> {
  if (framing.kind === "none") return;
  if (framing.kind === "sized") return yield* exactly(bytes, framing.length);
  for (;;) {
    const line = await takeLine(bytes);
    const size = /^0*([0-9a-fA-F]{1,16})[\t ]*(?:;[^\n]*)?\r?\n$/.exec(line)?.[1];
    if (size === undefined) throw new Error("a chunk has no size");
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    yield* exactly(bytes, length);
    if ((await takeLine(bytes)) !== "\r\n") throw new Error("a chunk does not end");
  }
  const trailers = await bytes.takeLines((text) => /(^|\n)\r?\n$/.test(text), maxLineBytes);
  if (trailers.kind !== "lines") throw new Error("the chunks do not end");
}

async function takeLine(bytes: Bytes): Promise<string> {
  const line = await bytes.takeLines(() => true, maxLineBytes);
  return line.kind === "lines" ? line.text : "";
}

async function* exactly(bytes: Bytes, length: number): AsyncGenerator<Buffer, void> {
  for (let left = length; left > 0; ) {
    const piece = await bytes.take(Math.min(left, pieceBytes));
    if (piece === undefined) throw new Error("the body ended too early");
    left -= piece.length;
    yield piece;
  }
}
