import { createServer, type Socket } from "node:net";
import { type FrameHead, flags, frame, frameTypes } from "../../src/net/http2/frame.ts";
import { createFrameReader } from "../../src/net/http2/frame-reader.ts";
import { listen } from "../fakes/listening.ts";

/** A frame that the client sent. */
export interface SentFrame extends Omit<FrameHead, "length"> {
  readonly payload: Buffer;
}

/** One connection of an HTTP/2 server that says what it is told, byte by byte. */
export interface FrameConnection {
  send(...frames: readonly Buffer[]): void;
  /** Resolves with the next frame of this type, of those that were not asked for yet. */
  next(type: number): Promise<SentFrame>;
  /** Reads no more. */
  pause(): void;
  /** The client has closed it. */
  readonly closed: Promise<void>;
}

export interface FrameServer extends AsyncDisposable {
  readonly port: number;
}

const prefaceBytes = 24;

/** Starts it on plain TCP; each connection is given to `onConnection` after the client's preface. */
export async function startFrameServer(onConnection: (connection: FrameConnection) => void): Promise<FrameServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(connectionOver(socket));
  });
  const port = await listen(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connectionOver(socket: Socket): FrameConnection {
  let frames: SentFrame[] = [];
  let wake: () => void = () => {};
  let dataOf: Buffer[] = [];
  const keep = (head: FrameHead, payload: Buffer): void => {
    frames.push({ type: head.type, flags: head.flags, streamId: head.streamId, payload: Buffer.from(payload) });
    wake();
  };
  const read = createFrameReader({
    frame: keep,
    dataHead: () => {
      dataOf = [];
    },
    dataPiece: (_head, piece) => dataOf.push(piece),
    dataEnd: (head) => keep(head, Buffer.concat(dataOf)),
  });
  let early = Buffer.alloc(0);
  let hasPreface = false;
  socket.on("data", (chunk: Buffer) => {
    if (hasPreface) return read(chunk);
    early = Buffer.concat([early, chunk]);
    if (early.length < prefaceBytes) return;
    hasPreface = true;
    read(early.subarray(prefaceBytes));
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return {
    send: (...all) => void socket.write(Buffer.concat(all)),
    async next(type) {
      for (;;) {
        const found = frames.find((one) => one.type === type);
        if (found !== undefined) {
          frames = frames.filter((one) => one !== found);
          return found;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    pause: () => void socket.pause(),
    closed,
  };
}

/** SETTINGS as a server sends them, by the numbers of RFC 9113 §6.5.2. */
export function settings(told: Readonly<Record<number, number>> = {}): Buffer {
  const entries = Object.entries(told);
  const payload = Buffer.alloc(entries.length * 6);
  let at = 0;
  for (const [id, value] of entries) at = payload.writeUInt32BE(value, payload.writeUInt16BE(Number(id), at));
  return frame({ type: frameTypes.settings, flags: 0, streamId: 0 }, payload);
}

/** HEADERS of these fields, written out. */
export function head(streamId: number, fields: readonly (readonly [string, string])[], isEnd = false): Buffer {
  return frame(
    { type: frameTypes.headers, flags: flags.endHeaders | (isEnd ? flags.endStream : 0), streamId },
    block(fields),
  );
}

/** A header block of literals. Source: RFC 7541 §6.2.2. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]);
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const latin = Buffer.from(value, "latin1");
  if (latin.length < 127) return Buffer.concat([Buffer.from([latin.length]), latin]);
  const rest = latin.length - 127;
  return Buffer.concat([Buffer.from([127, (rest & 0x7f) | 0x80, rest >>> 7]), latin]);
}

export function data(streamId: number, content: string | Buffer, isEnd = false): Buffer {
  return frame({ type: frameTypes.data, flags: isEnd ? flags.endStream : 0, streamId }, Buffer.from(content));
}
