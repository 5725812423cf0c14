import { describe, expect, it } from "vitest";
import { readAnswer } from "../../../src/doctor/probe/answer.ts";

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
