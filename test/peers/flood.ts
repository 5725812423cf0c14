import { pipeline, Readable, type Writable } from "node:stream";

/** Writes for as long as somebody reads. */
export function flood(out: Writable, piece: string): void {
  const bytes = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  pipeline(Readable.from(endless(bytes)), out, () => {});
}

function* endless(bytes: Buffer): Generator<Buffer> {
  for (;;) yield bytes;
}
