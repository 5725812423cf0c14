import type { Duplex } from "node:stream";
import { type HttpRequest, type HttpResponse, maxHeaderBytes } from "../http-message.ts";
import { type Asker, Call, type CallWire, streamWindowBytes } from "./call.ts";
import {
  ConnectionError,
  defaultWindowBytes,
  errorCodes,
  type FrameHead,
  flags,
  frame,
  frameTypes,
  goAwayFrame,
  maxStreamId,
  numberFrame,
} from "./frame.ts";
import { createFrameReader } from "./frame-reader.ts";
import { createHeaderBlocks } from "./header-blocks.ts";
import { createHpackDecoder } from "./hpack-decoder.ts";
import { createHpackEncoder } from "./hpack-encoder.ts";
import { createOutlet } from "./outlet.ts";
import { ownSettings, readSettings } from "./peer-settings.ts";
import { createPings } from "./pings.ts";
import { createRequestBlocks } from "./request-fields.ts";
import { writeRequest } from "./request-frames.ts";
import { RequestUnprocessed } from "./request-unprocessed.ts";
import { createUploads } from "./uploads.ts";

export interface Client {
  /** False once it is over, or the server takes no more requests. */
  readonly usable: boolean;
  /** Requests under way, and those that wait for their turn. */
  readonly inFlight: number;
  /** Infinity until the server said so. */
  readonly maxInFlight: number;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  isStuckFor(bodyBytes: number): boolean;
  request(request: HttpRequest): Promise<HttpResponse>;
  ping(timeoutMs: number): Promise<number>;
  fail(error: Error): void;
  destroy(): void;
}

/** What all streams together may bring before we grant more. */
const connectionWindowBytes = 32 * 1024 * 1024;

/** Before the server said how many it takes. Source: RFC 9113 §6.5.2 recommends no less. */
const firstMaxStreams = 100;

/** An upload that takes longer may be stuck. */
const stuckAfterMs = 250;

/** To PING and SETTINGS, of a server that does not read them; nobody asks so much in earnest (CVE-2019-9512). */
const maxHeldReplies = 10_000;

/**
 * Returns the client's end of HTTP/2 over `socket`. Own code, because a call through Node's costs as much processor time as
 * all the rest of its way. Source: RFC 9113.
 */
export function openClient(socket: Duplex): Client {
  const calls = new Map<number, Call>();
  const waiting = new Set<() => void>();
  const encoder = createHpackEncoder();
  const decode = createHpackDecoder(maxHeaderBytes);
  const blockOf = createRequestBlocks(encoder);
  const headerBlocks = createHeaderBlocks(maxHeaderBytes);
  const outlet = createOutlet(socket, () => uploads.pump());
  const uploads = createUploads(outlet);
  const pings = createPings(outlet);
  let lastId = -1;
  let maxStreams: number | undefined;
  let isGoing = false;
  let failure: Error | undefined;
  let hasSettings = false;
  /** Since the socket had nothing to send. */
  let heldReplies = 0;
  /** Taken in on all streams, and not granted anew. */
  let takenBytes = 0;
  let onClosed: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve;
  });

  const startWaiting = (): void => {
    for (const start of waiting) {
      if (calls.size >= (maxStreams ?? firstMaxStreams)) return;
      waiting.delete(start);
      start();
    }
  };
  const wire: CallWire = {
    close(streamId, code) {
      if (!calls.delete(streamId)) return;
      // A server that has answered does not want the rest of the question.
      const tells = code ?? (uploads.has(streamId) ? errorCodes.cancel : undefined);
      uploads.remove(streamId);
      if (tells !== undefined) outlet.send(numberFrame(frameTypes.rstStream, streamId, tells));
      if (waiting.size > 0) startWaiting();
      endWhenDone();
    },
    grant: (streamId, bytes) => outlet.send(numberFrame(frameTypes.windowUpdate, streamId, bytes)),
  };
  const endWhenDone = (): void => {
    if (isGoing && calls.size === 0) fail(new Error("the server ended the connection"));
  };
  const fail = (error: Error): void => {
    if (failure !== undefined) return;
    failure = error;
    const code = error instanceof ConnectionError ? error.code : errorCodes.noError;
    outlet.send(goAwayFrame(code, error instanceof ConnectionError ? error.message : ""));
    const open = [...calls.values()];
    calls.clear();
    for (const call of open) call.fail(error);
    for (const start of [...waiting]) start();
    pings.failAll(error);
    // The last word goes out before.
    setImmediate(() => socket.destroy());
    onClosed();
  };
  const send = (request: HttpRequest, asker: Asker): void => {
    let block: Buffer;
    try {
      if (failure !== undefined || isGoing) throw failure ?? new Error("the server ends the connection");
      block = blockOf(request);
    } catch (error) {
      asker.reject(new RequestUnprocessed(error));
      return;
    }
    lastId += 2;
    const { body } = request;
    const isWhole = body === undefined || uploads.takes(body.byteLength);
    outlet.send(writeRequest(lastId, { block, body: isWhole ? body : undefined, isEnd: isWhole }));
    calls.set(lastId, new Call(lastId, { request, asker, wire }));
    if (!isWhole) uploads.add(lastId, body);
    if (lastId >= maxStreamId - 2) isGoing = true;
  };
  const sendInTurn = (request: HttpRequest, asker: Asker): void => {
    const { signal } = request;
    const start = (): void => {
      waiting.delete(start);
      signal?.removeEventListener("abort", start);
      if (signal?.aborted) asker.reject(signal.reason);
      else send(request, asker);
    };
    waiting.add(start);
    signal?.addEventListener("abort", start);
  };

  /** Returns the call of a stream; undefined when it is over. Throws for a stream that never was. */
  const callOf = ({ streamId, type }: FrameHead): Call | undefined => {
    const call = calls.get(streamId);
    if (call === undefined && (streamId % 2 === 0 || streamId > lastId)) throw misplaced(type, streamId);
    return call;
  };
  const reply = (bytes: Buffer): void => {
    heldReplies = outlet.isIdle ? 1 : heldReplies + 1;
    if (heldReplies > maxHeldReplies) {
      throw new ConnectionError(errorCodes.enhanceYourCalm, "the server asks and does not read the answers");
    }
    outlet.send(bytes);
  };
  const takeHeader = (head: FrameHead, payload: Buffer): void => {
    const block = headerBlocks.take(head, payload);
    if (block === undefined) return;
    const call = callOf(head);
    // Also of a stream that is over: the table depends on it.
    const fields = decode(block.bytes);
    call?.takeFields(fields, block.isEnd);
  };
  const takeSettings = (payload: Buffer): void => {
    const told = readSettings(payload);
    hasSettings = true;
    maxStreams = told.maxStreams ?? maxStreams ?? Number.POSITIVE_INFINITY;
    if (told.tableBytes !== undefined) encoder.resize(told.tableBytes);
    if (told.frameBytes !== undefined) uploads.setFrameBytes(told.frameBytes);
    if (told.streamWindowBytes !== undefined) uploads.setStreamWindow(told.streamWindowBytes);
    reply(settingsAck);
    startWaiting();
  };
  const takeWindowUpdate = (head: FrameHead, payload: Buffer): void => {
    const call = head.streamId === 0 ? undefined : callOf(head);
    const bytes = payload.readUInt32BE(0) & 0x7fffffff;
    if (bytes === 0) throw new ConnectionError(errorCodes.protocolError, "the server granted nothing");
    if (uploads.grant(head.streamId, bytes)) return;
    wire.close(head.streamId, errorCodes.flowControlError);
    call?.fail(new Error("the server granted more than there can be"));
  };
  const takeGoAway = (payload: Buffer): void => {
    isGoing = true;
    const last = payload.readUInt32BE(0) & 0x7fffffff;
    const turnedAway = new RequestUnprocessed(
      new Error(`the server ends the connection (HTTP/2 code ${payload.readUInt32BE(4)})`),
    );
    for (const call of [...calls.values()]) {
      if (call.streamId <= last) continue;
      calls.delete(call.streamId);
      uploads.remove(call.streamId);
      call.fail(turnedAway);
    }
    for (const start of [...waiting]) start();
    endWhenDone();
  };
  const takeReset = (head: FrameHead, payload: Buffer): void => {
    const call = callOf(head);
    if (call === undefined) return;
    const code = payload.readUInt32BE(0);
    calls.delete(head.streamId);
    uploads.remove(head.streamId);
    const error = new Error(`the server closed the stream (HTTP/2 code ${code})`);
    call.fail(code === errorCodes.refusedStream ? new RequestUnprocessed(error) : error);
    startWaiting();
    endWhenDone();
  };
  const takeFrame = (head: FrameHead, payload: Buffer): void => {
    checkFrame(head);
    if (!hasSettings && head.type !== frameTypes.settings) throw misplaced(head.type, head.streamId);
    if (head.type !== frameTypes.continuation) headerBlocks.expectNone();
    const isAck = (head.flags & flags.ack) !== 0;
    if (head.type === frameTypes.headers || head.type === frameTypes.continuation) takeHeader(head, payload);
    else if (head.type === frameTypes.settings && !isAck) takeSettings(payload);
    else if (head.type === frameTypes.ping && isAck) pings.answered(payload);
    else if (head.type === frameTypes.ping) reply(frame({ ...head, flags: flags.ack }, payload));
    else if (head.type === frameTypes.windowUpdate) takeWindowUpdate(head, payload);
    else if (head.type === frameTypes.rstStream) takeReset(head, payload);
    else if (head.type === frameTypes.goAway) takeGoAway(payload);
    else if (head.type === frameTypes.pushPromise) throw misplaced(head.type, head.streamId);
  };
  const takeDataHead = (head: FrameHead): void => {
    if (!hasSettings) throw misplaced(head.type, head.streamId);
    headerBlocks.expectNone();
    const call = callOf(head);
    takenBytes += head.length;
    // Granted anew as it comes: the streams' own windows bound what is kept, and one that nobody reads holds up no other.
    if (takenBytes >= connectionWindowBytes / 2) {
      wire.grant(0, takenBytes);
      takenBytes = 0;
    }
    call?.takeDataHead(head.length);
  };
  const read = createFrameReader({
    frame: takeFrame,
    dataHead: takeDataHead,
    dataPiece: (head, piece) => calls.get(head.streamId)?.takeData(piece),
    dataEnd: (head) => {
      if ((head.flags & flags.endStream) !== 0) calls.get(head.streamId)?.end();
    },
  });

  outlet.send(
    Buffer.concat([
      preface,
      frame({ type: frameTypes.settings, flags: 0, streamId: 0 }, ownSettings(streamWindowBytes, maxHeaderBytes)),
      numberFrame(frameTypes.windowUpdate, 0, connectionWindowBytes - defaultWindowBytes),
    ]),
  );
  socket.on("data", (chunk: Buffer) => {
    if (failure !== undefined) return;
    try {
      read(chunk);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      fail(error);
    }
  });
  socket.on("error", (error) => fail(error));
  for (const event of ["end", "close"]) socket.on(event, () => fail(new Error("the server closed the connection")));
  return {
    get usable() {
      return failure === undefined && !isGoing && !socket.destroyed;
    },
    get inFlight() {
      return calls.size + waiting.size;
    },
    get maxInFlight() {
      return maxStreams ?? Number.POSITIVE_INFINITY;
    },
    closed,
    isStuckFor(bodyBytes) {
      const sinceMs = uploads.oldestSinceMs;
      // Time alone proves nothing: this process may have been busy.
      return sinceMs !== undefined && performance.now() - sinceMs >= stuckAfterMs && uploads.windowBytes <= bodyBytes;
    },
    request(request) {
      return new Promise((resolve, reject) => {
        if (request.signal?.aborted) return reject(request.signal.reason);
        const hasTurn = calls.size < (maxStreams ?? firstMaxStreams) || failure !== undefined || isGoing;
        if (hasTurn) send(request, { resolve, reject });
        else sendInTurn(request, { resolve, reject });
      });
    },
    ping: (timeoutMs) => (failure === undefined ? pings.ping(timeoutMs) : Promise.reject(failure)),
    fail,
    destroy: () => fail(new Error("the connection is closed")),
  };
}

/** Source: RFC 9113 §3.4. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const settingsAck = frame({ type: frameTypes.settings, flags: flags.ack, streamId: 0 });

/** How long the payloads are that have one length, and whether they belong to a stream. Source: RFC 9113 §6. */
function checkFrame({ type, streamId, length, flags: set }: FrameHead): void {
  const isConnections = type === frameTypes.settings || type === frameTypes.ping || type === frameTypes.goAway;
  const isStreams = type <= frameTypes.continuation && !isConnections && type !== frameTypes.windowUpdate;
  if (isConnections ? streamId !== 0 : isStreams && streamId === 0) throw misplaced(type, streamId);
  const expected = type === frameTypes.settings && (set & flags.ack) !== 0 ? 0 : payloadBytes[type];
  if (expected !== undefined && (type === frameTypes.goAway ? length < expected : length !== expected)) {
    throw new ConnectionError(
      errorCodes.frameSizeError,
      `the server sent a frame of type ${type} with ${length} bytes`,
    );
  }
}

const payloadBytes: Readonly<Record<number, number>> = {
  [frameTypes.priority]: 5,
  [frameTypes.rstStream]: 4,
  [frameTypes.ping]: 8,
  [frameTypes.goAway]: 8,
  [frameTypes.windowUpdate]: 4,
};

function misplaced(type: number, streamId: number): ConnectionError {
  return new ConnectionError(errorCodes.protocolError, `the server sent a frame of type ${type} on stream ${streamId}`);
}
