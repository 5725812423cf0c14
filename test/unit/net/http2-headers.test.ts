import { expect, test } from "vitest";
import type { Header, HttpRequest } from "../../../src/net/http-message.ts";
import { createOutgoingHeaders } from "../../../src/net/http2-headers.ts";

const request = (headers: readonly Header[], more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "POST",
  scheme: "https",
  authority: "node.test",
  target: "/mcp",
  headers,
  ...more,
});
const pseudo = { ":method": "POST", ":scheme": "https", ":authority": "node.test", ":path": "/mcp" };

test("names become lower case, values of one name stay together, and a body has its length", () => {
  const headers: Header[] = [
    ["Accept", "a"],
    ["X-Two", "1"],
    ["x-two", "2"],
    ["x-TWO", "3"],
  ];
  const made = createOutgoingHeaders()(request(headers, { body: Buffer.from("12345") }));
  expect(made).toEqual({ ...pseudo, accept: "a", "x-two": ["1", "2", "3"], "content-length": "5" });
});

test("a length that was told stays as it was told", () => {
  const made = createOutgoingHeaders()(request([["Content-Length", "7"]], { body: Buffer.from("12345") }));
  expect(made["content-length"]).toBe("7");
});

test("the headers of a frozen list go with each request's own length, method and target", () => {
  const headersOf = createOutgoingHeaders();
  const headers: readonly Header[] = Object.freeze([["mcp-session-id", "one"]] as const);
  const bodies = ["1", "22", "333"].map((text) => headersOf(request(headers, { body: Buffer.from(text) })));
  expect(bodies.map((made) => made["content-length"])).toEqual(["1", "2", "3"]);
  const session = { "mcp-session-id": "one" };
  expect(headersOf(request(headers, { method: "GET" }))).toEqual({ ...pseudo, ":method": "GET", ...session });
  expect(headersOf(request(headers, { target: "/other" }))).toEqual({ ...pseudo, ":path": "/other", ...session });
  expect(headersOf(request(headers))).toEqual({ ...pseudo, ...session });
});

test("a list that is not frozen may change between two requests", () => {
  const headersOf = createOutgoingHeaders();
  const headers: [string, string][] = [["x-count", "1"]];
  expect(headersOf(request(headers))["x-count"]).toBe("1");
  headers[0] = ["x-count", "2"];
  expect(headersOf(request(headers))["x-count"]).toBe("2");
});
