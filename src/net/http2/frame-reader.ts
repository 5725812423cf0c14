import {
  ConnectionError,
  defaultFrameBytes,
  errorCodes,
  type FrameHead,
  flags,
  frameHeaderBytes,
  frameTypes,
} from "./frame.ts";

export interface FrameTaker {
  /** A frame that is no DATA, whole. */
  frame(head: FrameHead, payload: Buffer): void;
  /** A frame of DATA begins; its bytes come after, in pieces, without the padding. */
  dataHead(head: FrameHead): void;
  dataPiece(head: FrameHead, piece: Buffer): void;
  dataEnd(head: FrameHead): void;
}

/** A frame of DATA of which `left` bytes are still to come, the padding too; how much that is stands in the first of them. */
interface OpenData {
  readonly head: FrameHead;
  left: number;
  paddingBytes: number | undefined;
}

/**
 * Returns what takes a connection's bytes as they come. It holds at most one frame that is no DATA. Throws ConnectionError
 * for a frame larger than allowed or with more padding than there is, and what the taker throws; nothing may be pushed after.
 */
export function createFrameReader(taker: FrameTaker): (chunk: Buffer) => void {
  /** Of a head or a payload that is not whole yet. */
  let held: Buffer = empty;
  let data: OpenData | undefined;

  const takeData = (bytes: Buffer, start: number, open: OpenData): number => {
    const end = Math.min(bytes.length, start + open.left);
    let at = start;
    if (open.paddingBytes === undefined) {
      const paddingBytes = bytes[at];
      if (paddingBytes === undefined) return at;
      at += 1;
      open.left -= 1;
      if (paddingBytes > open.left) throw new ConnectionError(errorCodes.protocolError, tooMuchPadding);
      open.paddingBytes = paddingBytes;
    }
    const contentEnd = Math.min(end, at + open.left - open.paddingBytes);
    if (contentEnd > at) taker.dataPiece(open.head, bytes.subarray(at, contentEnd));
    open.left -= end - at;
    if (open.left === 0) {
      data = undefined;
      taker.dataEnd(open.head);
    }
    return end;
  };
  const beginData = (head: FrameHead): OpenData => {
    const isPadded = (head.flags & flags.padded) !== 0;
    if (isPadded && head.length === 0) throw new ConnectionError(errorCodes.frameSizeError, tooMuchPadding);
    taker.dataHead(head);
    return { head, left: head.length, paddingBytes: isPadded ? undefined : 0 };
  };
  return (chunk) => {
    let bytes = chunk;
    let at = 0;
    if (data !== undefined) at = takeData(bytes, at, data);
    else if (held.length > 0) bytes = Buffer.concat([held, chunk]);
    held = empty;
    while (bytes.length - at >= frameHeaderBytes) {
      const head = readHead(bytes, at);
      if (head.length > defaultFrameBytes) {
        throw new ConnectionError(errorCodes.frameSizeError, `the server sent a frame of ${head.length} bytes`);
      }
      const start = at + frameHeaderBytes;
      if (head.type === frameTypes.data) {
        data = beginData(head);
        at = takeData(bytes, start, data);
        continue;
      }
      const end = start + head.length;
      if (end > bytes.length) break;
      at = end;
      taker.frame(head, bytes.subarray(start, end));
    }
    if (at < bytes.length) held = bytes.subarray(at);
  };
}

/** Returns the payload of HEADERS without its padding and priority. Source: RFC 9113 §6.2. */
export function unpadded(head: FrameHead, payload: Buffer): Buffer {
  const isPadded = (head.flags & flags.padded) !== 0;
  const paddingBytes = isPadded ? (payload[0] ?? 0) : 0;
  const start = (isPadded ? 1 : 0) + ((head.flags & flags.priority) === 0 ? 0 : priorityBytes);
  const end = payload.length - paddingBytes;
  if (start > end) throw new ConnectionError(errorCodes.protocolError, tooMuchPadding);
  return payload.subarray(start, end);
}

const priorityBytes = 5;

const tooMuchPadding = "the server sent a frame with more padding than it has bytes";

function readHead(bytes: Buffer, at: number): FrameHead {
  const lengthAndType = bytes.readUInt32BE(at);
  return {
    length: lengthAndType >>> 8,
    type: lengthAndType & 0xff,
    flags: bytes[at + 4] ?? 0,
    // The first bit means nothing. Source: RFC 9113 §4.1.
    streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
  };
}

const empty = Buffer.alloc(0);
