import { defaultFrameBytes, flags, frameHeaderBytes, frameTypes, writeFrameHead } from "./frame.ts";

/** Returns HEADERS, with what has to follow it: CONTINUATIONs of a large block, and a small body in the same piece. */
export function writeRequest(
  streamId: number,
  { block, body, isEnd }: { block: Buffer; body: Uint8Array | undefined; isEnd: boolean },
): Buffer {
  const bodyBytes = body?.byteLength ?? 0;
  const frames = Math.ceil(block.length / defaultFrameBytes) + (bodyBytes > 0 ? 1 : 0);
  const bytes = Buffer.allocUnsafe(frames * frameHeaderBytes + block.length + bodyBytes);
  let at = 0;
  for (let start = 0; start < block.length; start += defaultFrameBytes) {
    const length = Math.min(block.length - start, defaultFrameBytes);
    const isFirst = start === 0;
    const type = isFirst ? frameTypes.headers : frameTypes.continuation;
    const endsStream = isFirst && isEnd && bodyBytes === 0 ? flags.endStream : 0;
    const endsHeaders = start + length === block.length ? flags.endHeaders : 0;
    at = writeFrameHead(bytes, at, { type, flags: endsStream | endsHeaders, streamId, length });
    at += block.copy(bytes, at, start, start + length);
  }
  if (body === undefined || bodyBytes === 0) return bytes;
  const data = { type: frameTypes.data, flags: isEnd ? flags.endStream : 0, streamId, length: bodyBytes };
  bytes.set(body, writeFrameHead(bytes, at, data));
  return bytes;
}
