import { expect, test } from "vitest";
import { flags, frame, frameTypes } from "../../../../src/net/http2/frame.ts";
import { createFrameReader } from "../../../../src/net/http2/frame-reader.ts";
import { fc } from "../../../fakes/drawn.ts";

/** Returns what a reader tells of bytes that come in these pieces, the pieces of DATA put together. */
function told(pieces: readonly Buffer[]): unknown[] {
  const all: unknown[] = [];
  let content = "";
  const read = createFrameReader({
    frame: ({ type, streamId }, payload) => all.push([type, streamId, payload.toString("hex")]),
    dataHead: () => {
      content = "";
    },
    dataPiece: (_head, piece) => {
      content += piece.toString("hex");
    },
    dataEnd: ({ type, streamId }) => all.push([type, streamId, content]),
  });
  for (const piece of pieces) read(piece);
  return all;
}

const plain = fc.record({
  type: fc.constantFrom(frameTypes.data, frameTypes.headers, frameTypes.ping, 0x77),
  streamId: fc.integer({ min: 0, max: 9 }),
  content: fc.uint8Array({ maxLength: 40 }),
});
const padded = fc.record({
  streamId: fc.integer({ min: 1, max: 9 }),
  content: fc.uint8Array({ maxLength: 40 }),
  padding: fc.integer({ min: 0, max: 20 }),
});

test("any split of the bytes gives the same frames, padded or not", () => {
  const frames = fc.array(fc.oneof(plain, padded), { maxLength: 12 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (list, sizes) => {
      const bytes = Buffer.concat(
        list.map((one) =>
          "padding" in one
            ? frame(
                { type: frameTypes.data, flags: flags.padded, streamId: one.streamId },
                Buffer.concat([Buffer.from([one.padding]), one.content, Buffer.alloc(one.padding)]),
              )
            : frame({ type: one.type, flags: 0, streamId: one.streamId }, one.content),
        ),
      );
      const pieces: Buffer[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const end = at + (sizes[turn % sizes.length] ?? 1);
        pieces.push(bytes.subarray(at, end));
        at = end;
      }
      const expected = list.map((one) => [
        "type" in one ? one.type : frameTypes.data,
        one.streamId,
        Buffer.from(one.content).toString("hex"),
      ]);
      expect(told(pieces)).toEqual(expected);
    }),
  );
});

test.each([
  [
    "a frame of more than 16 KiB",
    Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]),
    "a frame of 16385 bytes (HTTP/2 code 6)",
  ],
  [
    "an answer of HTTP/1.1",
    Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a frame of 4740180 bytes (HTTP/2 code 6)",
  ],
  [
    "DATA with more padding than bytes",
    frame({ type: frameTypes.data, flags: flags.padded, streamId: 1 }, Buffer.from([3, 0, 0])),
    "a frame with more padding than it has bytes (HTTP/2 code 1)",
  ],
  [
    "DATA that is padded and empty",
    frame({ type: frameTypes.data, flags: flags.padded, streamId: 1 }),
    "a frame with more padding than it has bytes (HTTP/2 code 6)",
  ],
])("%s is refused", (_title, bytes, reason) => {
  expect(() => told([bytes])).toThrow(`the server sent ${reason}`);
});
