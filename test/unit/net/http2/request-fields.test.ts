import { expect, test } from "vitest";
import type { Header, HttpRequest } from "../../../../src/net/http-message.ts";
import { createHpackDecoder } from "../../../../src/net/http2/hpack-decoder.ts";
import { createHpackEncoder } from "../../../../src/net/http2/hpack-encoder.ts";
import { createRequestBlocks } from "../../../../src/net/http2/request-fields.ts";

const request = (headers: readonly Header[], more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "POST",
  scheme: "https",
  authority: "node.test",
  target: "/mcp",
  headers,
  ...more,
});
const pseudo = (method = "POST", target = "/mcp"): Header[] => [
  [":method", method],
  [":scheme", "https"],
  [":authority", "node.test"],
  [":path", target],
];

/** Returns what the server reads of the requests of one connection. */
function createFields(): (request: HttpRequest) => readonly Header[] {
  const blockOf = createRequestBlocks(createHpackEncoder());
  const decode = createHpackDecoder(64 * 1024);
  return (one) => decode(blockOf(one)).fields;
}

test("names become lower case, values keep their order, and a body has its length", () => {
  const headers: Header[] = [
    ["Accept", "a"],
    ["X-Two", "1"],
    ["x-two", "2"],
  ];
  expect(createFields()(request(headers, { body: Buffer.from("12345") }))).toEqual([
    ...pseudo(),
    ["accept", "a"],
    ["x-two", "1"],
    ["x-two", "2"],
    ["content-length", "5"],
  ]);
});

test("a length that was told stays as it was told", () => {
  const made = createFields()(request([["Content-Length", "7"]], { body: Buffer.from("12345") }));
  expect(made).toEqual([...pseudo(), ["content-length", "7"]]);
});

test("the headers of a frozen list go with each request's own length, method and target", () => {
  const fieldsOf = createFields();
  const headers: readonly Header[] = Object.freeze([["mcp-session-id", "one"]] as const);
  for (const text of ["1", "22", "333", "1"]) {
    const length: Header = ["content-length", String(text.length)];
    expect(fieldsOf(request(headers, { body: Buffer.from(text) }))).toEqual([...pseudo(), ...headers, length]);
  }
  expect(fieldsOf(request(headers, { method: "GET" }))).toEqual([...pseudo("GET"), ...headers]);
  expect(fieldsOf(request(headers, { target: "/other" }))).toEqual([...pseudo("POST", "/other"), ...headers]);
  expect(fieldsOf(request(headers))).toEqual([...pseudo(), ...headers]);
});

test("two sessions that take turns are read each as itself", () => {
  const fieldsOf = createFields();
  const sessions = ["one", "two"].map((id) => Object.freeze([["mcp-session-id", id]] as const));
  for (let turn = 0; turn < 6; turn++) {
    for (const headers of sessions) expect(fieldsOf(request(headers))).toEqual([...pseudo(), ...headers]);
  }
});

test("a list that is not frozen may change between two requests", () => {
  const fieldsOf = createFields();
  const headers: [string, string][] = [["x-count", "1"]];
  expect(fieldsOf(request(headers))).toContainEqual(["x-count", "1"]);
  headers[0] = ["x-count", "2"];
  expect(fieldsOf(request(headers))).toContainEqual(["x-count", "2"]);
});

test.each([
  ["a name with a blank", "a b", "", 'HTTP/2 has no header "a b"'],
  ["a name that is empty", "", "", 'HTTP/2 has no header ""'],
  ["a pseudo-header", ":path", "/other", 'HTTP/2 has no header ":path"'],
  ["a header of the connection", "Transfer-Encoding", "chunked", 'HTTP/2 has no header "transfer-encoding"'],
  ["te that is not for trailers", "te", "gzip", 'HTTP/2 has no header "te"'],
  ["a line break", "a", "b\r\nc: d", "the header a has a character that HTTP forbids"],
  ["what is past Latin-1", "a", "€", "the header a has a character that HTTP forbids"],
])("%s is not sent", (_title, name, value, reason) => {
  const blockOf = createRequestBlocks(createHpackEncoder());
  expect(() => blockOf(request([[name, value]]))).toThrow(reason);
});
