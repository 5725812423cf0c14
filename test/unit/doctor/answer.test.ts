import { describe, expect, it } from "vitest";
import { readAnswer, watchForAnswer } from "../../../src/doctor/probe/answer.ts";

const result = { jsonrpc: "2.0", id: 1, result: { tools: [] } };

describe("readAnswer", () => {
  it("finds the answer in a batch", () => {
    const batch = [{ jsonrpc: "2.0", method: "notifications/message" }, result];
    expect(readAnswer(Buffer.from(JSON.stringify(batch)), 1)).toEqual({ kind: "result", result: { tools: [] } });
  });

  it("finds none in a batch of batches, however deep it is nested", () => {
    expect(readAnswer(Buffer.from(JSON.stringify([[result]])), 1)).toBeUndefined();
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    expect(readAnswer(Buffer.from(deep), 1)).toBeUndefined();
  });
});

describe("watchForAnswer", () => {
  const text = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools: [{ name: 'a "quoted} \\\\ name' }] } });
  const note = `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/message" })}\n\n`;

  it.each([
    ["a JSON text", text],
    ["one behind a byte order mark", `\ufeff${text}`],
    ["an event", `${note}event: message\ndata: ${text}\n\n`],
  ])("sees the end of %s with its last byte and not before", (_name, body) => {
    const watch = watchForAnswer(1, 100_000);
    const bytes = Array.from(Buffer.from(body), (byte) => watch(Buffer.from([byte])));
    expect(bytes.indexOf(true)).toBe(bytes.length - 1);
  });

  it("waits for the event with this id", () => {
    const watch = watchForAnswer(2, 100_000);
    expect(watch(Buffer.from(`data: ${text}\n\n`))).toBe(false);
  });
});
