import { expect, test } from "vitest";
import { errorText, idOfRemnant, parseMessage } from "../../../src/mcp/message.ts";
import { onOneLine } from "../../../src/mcp/one-line.ts";

const parse = (text: string) => parseMessage(Buffer.from(text));

test.each([
  ['{"jsonrpc":"2.0","id":1,"method":"ping"}', { kind: "request", id: 1, method: "ping", params: undefined }],
  [
    '{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}',
    { kind: "request", id: "a", method: "m", params: { x: 1 } },
  ],
  ['{"jsonrpc":"2.0","method":"n"}', { kind: "notification", method: "n", params: undefined }],
  ['{"jsonrpc":"2.0","id":1,"result":{}}', { kind: "response", id: 1, outcome: { result: {} } }],
  [
    '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}',
    { kind: "response", id: null, outcome: { error: { code: -1, message: "m" } } },
  ],
])("%s is a message", (text, message) => {
  expect(parse(text)).toEqual(message);
});

test.each([
  ["", -32700, null],
  ["{", -32700, null],
  ["[]", -32600, null],
  ["7", -32600, null],
  ['{"id":1,"method":"m"}', -32600, 1],
  ['{"jsonrpc":"2.0","id":1,"method":7}', -32600, 1],
  ['{"jsonrpc":"2.0","id":{},"method":"m"}', -32600, null],
  ['{"jsonrpc":"2.0","id":null,"method":"m"}', -32600, null],
  ['{"jsonrpc":"2.0","id":2,"method":"m","params":[1]}', -32600, 2],
  ['{"jsonrpc":"2.0","id":2}', -32600, 2],
  ['{"jsonrpc":"2.0","id":2,"error":"no"}', -32600, 2],
])("%s is refused with %d", (text, code, id) => {
  expect(parse(text)).toMatchObject({ kind: "invalid", code, id });
});

test("bytes that are not UTF-8 are no message", () => {
  const bytes = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  expect(parseMessage(bytes)).toMatchObject({ kind: "invalid", code: -32700 });
});

test("a message nested 100,000 deep is read or refused, and nothing breaks", () => {
  const depth = 100_000;
  const text = `{"jsonrpc":"2.0","method":"m","params":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
  expect(["notification", "invalid"]).toContain(parse(text).kind);
});

test.each([
  ['{"jsonrpc":"2.0","id":5,"method":"m","params":{"id":9,', "x", 5],
  ['{"id":"a\\"b","jsonrpc":"2.0",', "x", 'a"b'],
  ['{"method":"m","params":{', '"},"jsonrpc":"2.0","id":6}', 6],
  ['{"method":"m","params":{', '"}},"id":7,"jsonrpc":"2.0"}\n', 7],
  ['{"method":"m","params":{"id":1,', '"}}', null],
  // Java: jsonrpc, method, id, params
  ['{"jsonrpc":"2.0","method":"tools/call","id":"j-1","params":{"id":9,', "x", "j-1"],
  ['{"method":"tools/call", "id":1.5 ,"jsonrpc":"2.0","params":{', "x", 1.5],
  ['{"jsonrpc":"2.0","params":{', '"},"id":8,"method":"tools/call"}', 8],
  // mcp-go: jsonrpc, id, params, method
  ['{"jsonrpc":"2.0","id":10,"params":{"id":9,', '"},"method":"tools/call"}', 10],
  ['{"id":11,"method":"tools/call","params":{', '"},"jsonrpc":"2.0"}', 11],
  ['{"jsonrpc":"2.0","params":{"a":"', '\\",\\"id\\":5}"}}', null],
  ['{"jsonrpc":"2.0","params":{"a":"', '","id":5},"method":"m"}', null],
])("the remnants %j and %j are of the request %j", (head, tail, id) => {
  expect(idOfRemnant(Buffer.from(head), Buffer.from(tail))).toBe(id);
});

test("pretty JSON goes on one line and stays the same value", () => {
  const value = { a: ["line\nbreak", { b: 1 }] };
  const line = onOneLine(Buffer.from(JSON.stringify(value, null, 2).replaceAll("\n", "\r\n")));
  expect(line.toString()).not.toMatch(/[\r\n]/);
  expect(JSON.parse(line.toString())).toEqual(value);
});

test("an error answer is JSON-RPC", () => {
  expect(JSON.parse(errorText("x", { code: 1, message: "m" }).toString())).toEqual({
    jsonrpc: "2.0",
    id: "x",
    error: { code: 1, message: "m" },
  });
});
