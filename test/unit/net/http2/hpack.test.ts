import { describe, expect, test } from "vitest";
import type { Header } from "../../../../src/net/http-message.ts";
import { createHpackDecoder } from "../../../../src/net/http2/hpack-decoder.ts";
import { createHpackEncoder } from "../../../../src/net/http2/hpack-encoder.ts";
import { fc } from "../../../fakes/drawn.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const maxListBytes = 64 * 1024;

describe("the examples of RFC 7541", () => {
  test("requests with Huffman codes are read, each by the table of those before (C.4)", () => {
    const decode = createHpackDecoder(maxListBytes);
    const common = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ];
    expect(decode(bytes("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")).fields).toEqual(common);
    expect(decode(bytes("8286 84be 5886 a8eb 1064 9cbf")).fields).toEqual([...common, ["cache-control", "no-cache"]]);
    expect(decode(bytes("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")).fields).toEqual([
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ]);
  });

  test("requests without Huffman codes are written as there (C.3)", () => {
    const encoder = createHpackEncoder();
    const fields: readonly Header[] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ];
    expect(encoder.encode(fields, { again: true })).toEqual(bytes("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"));
    expect(encoder.encode([...fields, ["cache-control", "no-cache"]], { again: true })).toEqual(
      bytes("8286 84be 5808 6e6f 2d63 6163 6865"),
    );
  });
});

const text = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 300,
});
const name = fc.constantFrom(
  "accept",
  "authorization",
  "content-length",
  "cookie",
  "mcp-session-id",
  "x-long-name-of-ours",
);
const list = fc.array(fc.tuple(name, fc.oneof(text, fc.constantFrom("a", "b", "application/json"))), { maxLength: 12 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ fields: list, again: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ tableBytes: fc.integer({ min: 0, max: 5_000 }) }) },
);

test("what one end writes the other reads, whatever the table holds and however it changes its size", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const encoder = createHpackEncoder();
      const decode = createHpackDecoder(1024 * 1024);
      for (const one of steps) {
        if ("tableBytes" in one) encoder.resize(one.tableBytes);
        else expect(decode(encoder.encode(one.fields, { again: one.again })).fields).toEqual(one.fields);
      }
    }),
    { numRuns: 300 },
  );
});

test("fields that come again are a byte each, and leave the table alone", () => {
  const encoder = createHpackEncoder();
  const fields: readonly Header[] = [
    [":path", "/mcp"],
    ["mcp-session-id", "0".repeat(36)],
  ];
  encoder.encode(fields, { again: true });
  const insertions = encoder.insertions;
  expect([encoder.encode(fields, { again: true }).length, encoder.insertions]).toEqual([2, insertions]);
});

test("a secret is never put into the table", () => {
  const encoder = createHpackEncoder();
  const decode = createHpackDecoder(maxListBytes);
  for (const header of ["authorization", "cookie", "proxy-authorization"]) {
    const fields: readonly Header[] = [[header, "secret"]];
    const block = encoder.encode(fields, { again: true });
    expect([(block[0] ?? 0) & 0xf0, block.includes("secret"), encoder.insertions]).toEqual([0x10, true, 0]);
    expect(decode(block).fields).toEqual(fields);
  }
});

test.each([
  ["an index of 0", "80"],
  ["an index past the table", "be"],
  ["a name past the table", "7f 00 01 61"],
  ["a number without an end", "ff ff ff ff ff ff ff ff 7f"],
  ["a number that is cut off", "ff ff"],
  ["a text that is cut off", "40 0a 61"],
  ["Huffman padding of more than seven bits", "40 81 ff 01 61"],
  ["Huffman padding that is no ones", "40 81 18 01 61"],
  ["the Huffman code of the end", "40 84 ff ff ff ff 01 61"],
  ["a table larger than allowed", "3f e2 1f"],
  ["a table whose size changes after a field", "82 20"],
])("%s is refused", (_title, hex) => {
  const decode = createHpackDecoder(maxListBytes);
  expect(() => decode(bytes(hex))).toThrow(/in a header \(HTTP\/2 code 9\)/);
});

test("a header that unpacks to more than allowed is dropped, and the table stays right", () => {
  const decode = createHpackDecoder(4_096);
  const insert = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xd9, 0x0f]), Buffer.alloc(2_136, 0x62)]);
  expect(decode(insert)).toEqual({ fields: [["a", "b".repeat(2_136)]], isTooLarge: false });
  const bomb = decode(Buffer.alloc(60_000, 0xbe));
  expect([bomb.isTooLarge, bomb.fields.length]).toEqual([true, 1]);
  expect(decode(Buffer.from([0xbe])).fields).toEqual([["a", "b".repeat(2_136)]]);
});

test("any bytes are read or refused, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (block) => {
      const decode = createHpackDecoder(maxListBytes);
      try {
        decode(Buffer.from(block));
      } catch (error) {
        expect(error).toMatchObject({ name: "ConnectionError", code: 9 });
      }
    }),
    { numRuns: 2_000 },
  );
});
