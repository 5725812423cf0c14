import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";

/** A text message as a client sends it: whole, masked. Source: RFC 6455 § 5. */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text, "utf8");
  if (payload.length > 0xffff) throw new Error("a probe's message is short");
  const isShort = payload.length < 126;
  const head = Buffer.alloc(isShort ? 2 : 4);
  head[0] = 0x81;
  head[1] = 0x80 | (isShort ? payload.length : 126);
  if (!isShort) head.writeUInt16BE(payload.length, 2);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}

/**
 * Reads the text messages that a server sends, one after the other; ends with the connection, a close, or more than
 * `maxBytes` in one message.
 */
export async function* serverMessages(
  socket: Duplex,
  { head, maxBytes }: { readonly head: Buffer; readonly maxBytes: number },
): AsyncGenerator<string> {
  let pending = head;
  let message: Buffer[] = [];
  for await (const chunk of chunksOf(socket, head)) {
    pending = chunk === head ? pending : Buffer.concat([pending, chunk]);
    for (let frame = frameOf(pending); frame !== undefined; frame = frameOf(pending)) {
      pending = pending.subarray(frame.totalBytes);
      if (frame.opcode === 8) return;
      // Pings and pongs stand between the pieces of a message.
      if (frame.opcode > 2) continue;
      message.push(frame.payload);
      if (frame.isFinal) yield Buffer.concat(message).toString("utf8");
      if (frame.isFinal) message = [];
    }
    if (pending.length + message.reduce((sum, { length }) => sum + length, 0) > maxBytes) return;
  }
}

async function* chunksOf(socket: Duplex, head: Buffer): AsyncGenerator<Buffer> {
  yield head;
  for await (const chunk of socket) yield Buffer.from(chunk);
}

interface Frame {
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  readonly totalBytes: number;
}

/** A server's frames are not masked. Returns undefined until the frame is whole. */
function frameOf(bytes: Buffer): Frame | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < headBytes) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < headBytes + length) return undefined;
  const payload = bytes.subarray(headBytes, headBytes + length);
  return { isFinal: (first & 0x80) !== 0, opcode: first & 0x0f, payload, totalBytes: headBytes + length };
}
