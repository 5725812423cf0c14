import { ConnectionError, errorCodes, type FrameHead, flags, frameTypes } from "./frame.ts";
import { unpadded } from "./frame-reader.ts";

/** HEADERS with their CONTINUATIONs, of which nothing else may come in between. */
export interface HeaderBlocks {
  /** Returns the block when the frame completes one. Throws ConnectionError where another frame was due, or it has no end. */
  take(head: FrameHead, payload: Buffer): HeaderBlock | undefined;
  /** Throws ConnectionError where a CONTINUATION was due. */
  expectNone(): void;
}

export interface HeaderBlock {
  readonly streamId: number;
  readonly isEnd: boolean;
  readonly bytes: Buffer;
}

/** Of a header of 64 KiB in the smallest frames that anybody makes; without a limit they have no end (CVE-2024-27983). */
const maxFrames = 64;

export function createHeaderBlocks(maxBytes: number): HeaderBlocks {
  let open: { readonly head: FrameHead; readonly parts: Buffer[]; bytes: number } | undefined;

  const expectNone = (): void => {
    if (open !== undefined) throw wrongFrame("another frame in the middle of a header");
  };
  const begin = (head: FrameHead, payload: Buffer): HeaderBlock | undefined => {
    expectNone();
    const bytes = unpadded(head, payload);
    if ((head.flags & flags.endHeaders) !== 0) return finished(head, bytes);
    open = { head, parts: [bytes], bytes: bytes.length };
    return undefined;
  };
  const goOn = (head: FrameHead, payload: Buffer): HeaderBlock | undefined => {
    if (open?.head.streamId !== head.streamId) throw wrongFrame("CONTINUATION of nothing");
    open.parts.push(payload);
    open.bytes += payload.length;
    if (open.bytes > maxBytes || open.parts.length > maxFrames) {
      throw new ConnectionError(errorCodes.enhanceYourCalm, `the server sent a header of more than ${maxBytes} bytes`);
    }
    if ((head.flags & flags.endHeaders) === 0) return undefined;
    const block = finished(open.head, Buffer.concat(open.parts));
    open = undefined;
    return block;
  };
  return {
    expectNone,
    take: (head, payload) => (head.type === frameTypes.headers ? begin(head, payload) : goOn(head, payload)),
  };
}

function finished({ streamId, flags: set }: FrameHead, bytes: Buffer): HeaderBlock {
  return { streamId, isEnd: (set & flags.endStream) !== 0, bytes };
}

function wrongFrame(what: string): ConnectionError {
  return new ConnectionError(errorCodes.protocolError, `the server sent ${what}`);
}
