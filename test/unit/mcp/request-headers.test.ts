import { expect, test } from "vitest";
import { modernMeta } from "../../../src/mcp/era.ts";
import { toMessage } from "../../../src/mcp/message.ts";
import { encodedValue, headersOfMessage } from "../../../src/mcp/request-headers.ts";

const session = { id: "s-1", protocolVersion: "2025-11-25" };

function headersOf(message: object): Record<string, string> {
  const parsed = toMessage({ jsonrpc: "2.0", ...message });
  if (parsed.kind === "invalid") throw new Error(parsed.reason);
  return Object.fromEntries(headersOfMessage(parsed, session));
}

test("a legacy request carries session and version, and the opening one neither", () => {
  expect(headersOf({ id: 1, method: "tools/list" })).toEqual({
    "mcp-session-id": "s-1",
    "mcp-protocol-version": "2025-11-25",
  });
  expect(headersOf({ id: 1, method: "initialize", params: { protocolVersion: "2025-11-25" } })).toEqual({});
});

test.each([
  ["tools/list", {}, undefined],
  ["tools/call", { name: "echo" }, "echo"],
  ["tools/call", { name: "größe" }, "=?base64?Z3LDtsOfZQ==?="],
  ["prompts/get", { name: "p" }, "p"],
  ["resources/read", { uri: "file:///a" }, "file:///a"],
  ["tasks/get", { taskId: "t" }, "t"],
  ["constructor", { name: "x" }, undefined],
])("a modern %s with %j is named %j, whatever the session", (method, params, name) => {
  const headers = headersOf({ id: 1, method, params: { ...params, _meta: modernMeta("2026-07-28") } });
  expect(headers).toEqual({
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(name === undefined ? {} : { "mcp-name": name }),
  });
});

test.each([
  ["plain text", "plain text"],
  [" padded", "=?base64?IHBhZGRlZA==?="],
  ["line\r\nbreak", "=?base64?bGluZQ0KYnJlYWs=?="],
  ["=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="],
  ["", ""],
])("%j goes into a header as %j", (value, encoded) => {
  expect(encodedValue(value)).toBe(encoded);
});
