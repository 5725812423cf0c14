import { createSocket } from "node:dgram";
import { afterEach, expect, test } from "vitest";
import { parseResolver, resolveName } from "../../../src/net/dns.ts";
import { decodeAnswer, encodeQuestion } from "../../../src/net/dns-message.ts";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A resolver that gives `records[type]` for every name, the code 3 without any. */
async function startResolver(records: { 1?: number[]; 28?: number[] } | "silent"): Promise<string> {
  const socket = createSocket("udp4", (question, peer) => {
    if (records === "silent") return;
    socket.send(answerTo(question, records), peer.port, peer.address);
  });
  cleanups.push(() => socket.close());
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  return `127.0.0.1:${socket.address().port}`;
}

function answerTo(question: Buffer, records: { 1?: number[]; 28?: number[] }): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const type = question.readUInt16BE(end - 4);
  const data = type === 1 || type === 28 ? records[type] : undefined;
  const code = Object.keys(records).length === 0 ? 3 : 0;
  const head = Buffer.from([0, 0, 0x81, 0x80 | code, 0, 1, 0, data === undefined ? 0 : 1, 0, 0, 0, 0]);
  question.copy(head, 0, 0, 2);
  const record = data === undefined ? [] : [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data];
  return Buffer.concat([head, question.subarray(12, end), Buffer.from(record)]);
}

const options = { timeoutMs: 2_000 };

test("resolveName gives what the named resolver says, of both families", async () => {
  const server = await startResolver({ 1: [203, 0, 113, 7], 28: [0x20, 1, 13, 184, ...Array(11).fill(0), 1] });
  expect(await resolveName("node.ts.net", { kind: "udp", server }, options)).toEqual({
    kind: "addresses",
    addresses: ["203.0.113.7", "2001:db8::1"],
  });
});

test("resolveName gives the one family that a name has", async () => {
  const server = await startResolver({ 1: [203, 0, 113, 7] });
  expect(await resolveName("node.ts.net", { kind: "udp", server }, options)).toEqual({
    kind: "addresses",
    addresses: ["203.0.113.7"],
  });
});

test("resolveName tells a name that does not exist from a resolver that does not answer", async () => {
  const empty = await startResolver({});
  const silent = await startResolver("silent");
  expect(await resolveName("node.ts.net", { kind: "udp", server: empty }, options)).toEqual({
    kind: "absent",
    code: "ENOTFOUND",
  });
  expect(await resolveName("node.ts.net", { kind: "udp", server: silent }, { timeoutMs: 100 })).toMatchObject({
    kind: "unanswered",
  });
});

test("a question and its answer survive the wire", () => {
  const question = encodeQuestion("node.ts.net.", "A");
  expect(decodeAnswer(answerTo(question, { 1: [1, 2, 3, 4] }), "A")).toEqual({ code: 0, addresses: ["1.2.3.4"] });
  expect(() => decodeAnswer(question.subarray(0, 20), "A")).toThrow();
  expect(() => encodeQuestion("a..b", "A")).toThrow();
});

test.each([
  ["1.1.1.1", { kind: "udp", server: "1.1.1.1" }],
  ["127.0.0.1:5353", { kind: "udp", server: "127.0.0.1:5353" }],
  ["[2606:4700::1111]:53", { kind: "udp", server: "[2606:4700::1111]:53" }],
  ["2606:4700::1111", { kind: "udp", server: "2606:4700::1111" }],
  ["https://dns.example/q", { kind: "https", url: "https://dns.example/q" }],
])("%s names a resolver", (text, resolver) => {
  expect(parseResolver(text, "--public-dns")).toEqual(resolver);
});

test.each(["dns.example", "http://dns.example", "1.1.1", ""])("%j names no resolver", (text) => {
  expect(() => parseResolver(text, "--public-dns")).toThrow("--public-dns");
});
