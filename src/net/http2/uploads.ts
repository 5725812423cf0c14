import {
  ConnectionError,
  defaultFrameBytes,
  defaultWindowBytes,
  errorCodes,
  flags,
  frameHeaderBytes,
  frameTypes,
  maxWindowBytes,
  writeFrameHead,
} from "./frame.ts";
import type { Outlet } from "./outlet.ts";

/** What the server lets us send, and the bodies that wait for more of it. Source: RFC 9113 §5.2. */
export interface Uploads {
  /** What may be sent on all streams together. */
  readonly windowBytes: number;
  /** Since when the oldest body waits (`performance.now()`), undefined where none does. */
  readonly oldestSinceMs: number | undefined;
  /** Takes `bytes` from the windows for a body that goes out at once and whole; false where they are too small. */
  takes(bytes: number): boolean;
  /** Sends a body as the windows and the socket allow. */
  add(streamId: number, body: Uint8Array): void;
  /** True while the body is not out. */
  has(streamId: number): boolean;
  remove(streamId: number): void;
  /** The server lets the connection (0) or a stream send more. False where a stream was given more than there can be. */
  grant(streamId: number, bytes: number): boolean;
  setStreamWindow(bytes: number): void;
  setFrameBytes(bytes: number): void;
  /** Goes on where there is room. */
  pump(): void;
}

interface Upload {
  readonly streamId: number;
  readonly sinceMs: number;
  rest: Uint8Array;
  windowBytes: number;
}

/** Larger frames gain nothing, and hold up the others. */
const maxFrameBytes = 64 * 1024;

export function createUploads(outlet: Outlet): Uploads {
  const uploads = new Map<number, Upload>();
  let windowBytes = defaultWindowBytes;
  let streamWindowBytes = defaultWindowBytes;
  let frameBytes = defaultFrameBytes;

  const sendFrame = (upload: Upload): boolean => {
    const length = Math.min(upload.rest.byteLength, upload.windowBytes, windowBytes, frameBytes);
    if (length <= 0) return false;
    const isLast = length === upload.rest.byteLength;
    const head = Buffer.allocUnsafe(frameHeaderBytes);
    const { streamId } = upload;
    writeFrameHead(head, 0, { type: frameTypes.data, flags: isLast ? flags.endStream : 0, streamId, length });
    outlet.send(head);
    outlet.send(Buffer.from(upload.rest.buffer, upload.rest.byteOffset, length));
    upload.rest = upload.rest.subarray(length);
    upload.windowBytes -= length;
    windowBytes -= length;
    if (isLast) uploads.delete(streamId);
    return true;
  };
  /** A frame of each in turn, so that a large one does not hold up the others. */
  const pump = (): void => {
    for (let isMoving = true; isMoving; ) {
      isMoving = false;
      for (const upload of uploads.values()) {
        if (outlet.isFull || windowBytes <= 0) return;
        if (sendFrame(upload)) isMoving = true;
      }
    }
  };
  return {
    get windowBytes() {
      return windowBytes;
    },
    get oldestSinceMs() {
      for (const { sinceMs } of uploads.values()) return sinceMs;
      return undefined;
    },
    takes(bytes) {
      if (bytes > windowBytes || bytes > streamWindowBytes || bytes > frameBytes) return false;
      windowBytes -= bytes;
      return true;
    },
    add(streamId, body) {
      uploads.set(streamId, { streamId, sinceMs: performance.now(), rest: body, windowBytes: streamWindowBytes });
      pump();
    },
    has: (streamId) => uploads.has(streamId),
    remove: (streamId) => void uploads.delete(streamId),
    grant(streamId, bytes) {
      if (streamId === 0) {
        windowBytes += bytes;
        if (windowBytes > maxWindowBytes) throw overflow();
      } else {
        const upload = uploads.get(streamId);
        if (upload === undefined) return true;
        upload.windowBytes += bytes;
        if (upload.windowBytes > maxWindowBytes) return false;
      }
      pump();
      return true;
    },
    setStreamWindow(bytes) {
      for (const upload of uploads.values()) {
        // It may become negative, and be paid back. Source: RFC 9113 §6.9.2.
        upload.windowBytes += bytes - streamWindowBytes;
        if (upload.windowBytes > maxWindowBytes) throw overflow();
      }
      streamWindowBytes = bytes;
      pump();
    },
    setFrameBytes(bytes) {
      frameBytes = Math.min(bytes, maxFrameBytes);
    },
    pump,
  };
}

function overflow(): ConnectionError {
  return new ConnectionError(errorCodes.flowControlError, "the server granted more than there can be");
}
