/** Source: RFC 9113 §6. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Source: RFC 9113 §7. */
export const errorCodes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

/** What the peer did is an error of the whole connection, which ends with this code. Source: RFC 9113 §5.4.1. */
export class ConnectionError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(`${message} (HTTP/2 code ${code})`);
    this.name = "ConnectionError";
    this.code = code;
  }
}

export const frameHeaderBytes = 9;

/** The most that either side may put into a frame until it is told otherwise. Source: RFC 9113 §4.2. */
export const defaultFrameBytes = 16_384;

/** Source: RFC 9113 §6.9.2 and §6.9.1. */
export const defaultWindowBytes = 65_535;
export const maxWindowBytes = 0x7fffffff;

/** Stream ids have 31 bits. */
export const maxStreamId = 0x7fffffff;

export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly length: number;
}

/** Writes the nine bytes in front of a frame's payload and returns where it begins. */
export function writeFrameHead(bytes: Buffer, at: number, head: FrameHead): number {
  bytes[at] = head.length >>> 16;
  bytes[at + 1] = head.length >>> 8;
  bytes[at + 2] = head.length;
  bytes[at + 3] = head.type;
  bytes[at + 4] = head.flags;
  return bytes.writeUInt32BE(head.streamId, at + 5);
}

/** Returns a whole frame. */
export function frame(head: Omit<FrameHead, "length">, payload: Uint8Array = empty): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payload.byteLength);
  writeFrameHead(bytes, 0, { ...head, length: payload.byteLength });
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

/** Returns a frame whose payload is one number of 32 bits: RST_STREAM and WINDOW_UPDATE. */
export function numberFrame(type: number, streamId: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + 4);
  bytes.writeUInt32BE(value, writeFrameHead(bytes, 0, { type, flags: 0, streamId, length: 4 }));
  return bytes;
}

/** Returns GOAWAY. A client has no streams of the server's to name. Source: RFC 9113 §6.8. */
export function goAwayFrame(code: number, reason = ""): Buffer {
  const payload = Buffer.alloc(8 + Buffer.byteLength(reason));
  payload.writeUInt32BE(code, 4);
  payload.write(reason, 8);
  return frame({ type: frameTypes.goAway, flags: 0, streamId: 0 }, payload);
}

const empty = Buffer.alloc(0);
