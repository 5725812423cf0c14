import { describe, expect, test } from "vitest";
import { accepts, type Head, isForeignPage, isJsonBody, readHead, twice } from "../../../src/gateway/head.ts";

type Lines = readonly (readonly [string, string])[];

function headOf(lines: Lines, method = "POST", url = "/mcp/notes"): ReturnType<typeof readHead> {
  const request = { method, url, rawHeaders: lines.flat(), headers: {} };
  return readHead(request);
}

function whole(lines: Lines): Head {
  const head = headOf(lines);
  if ("status" in head) throw new Error(head.reason);
  return head;
}

const many = (count: number): Lines => Array.from({ length: count }, () => ["a", "b"] as const);

test.each([
  ["201 lines", headOf(many(201)), 431],
  ["1,000 lines", headOf(many(1_000)), 431],
  ["PUT", headOf([], "PUT"), 405],
  ["HEAD", headOf([], "HEAD"), 405],
  ["OPTIONS", headOf([], "OPTIONS"), 405],
  ["an upgrade to WebSocket", headOf([["Upgrade", "websocket"]]), 400],
  ["an upgrade to HTTP/2", headOf([["upgrade", "h2c"]]), 400],
])("%s is refused", (_what, head, status) => {
  expect(head).toMatchObject({ status });
});

test("200 lines are read", () => {
  expect(headOf([...many(199), ["X-Forwarded-For", "100.64.0.1"]])).toMatchObject({ forwardedFor: "100.64.0.1" });
});

test.each([
  ["in any case", [["x-FORWARDED-for", "100.64.0.1"]], "100.64.0.1"],
  [
    "as twice, in any case",
    [
      ["X-Forwarded-For", "1"],
      ["x-forwarded-for", "1"],
    ],
    twice,
  ],
  ["not with underscores", [["X_Forwarded_For", "100.64.0.1"]], undefined],
] as const)("a name is read %s", (_how, lines, value) => {
  expect(whole(lines).forwardedFor).toBe(value);
});

describe("a page of somebody else", () => {
  const config = { allowedOrigins: ["https://tools.example"], ownName: "node.tail.ts.net" };
  test.each([
    ["no browser", [], false],
    ["an origin that is not allowed", [["origin", "https://evil.example"]], true],
    [
      "an allowed origin",
      [
        ["origin", "https://tools.example"],
        ["sec-fetch-site", "cross-site"],
      ],
      false,
    ],
    ["null", [["origin", "null"]], true],
    ["an empty origin", [["origin", ""]], true],
    [
      "two origins",
      [
        ["origin", "https://tools.example"],
        ["origin", "https://evil.example"],
      ],
      true,
    ],
    ["cross-site", [["sec-fetch-site", "cross-site"]], true],
    ["same-site", [["sec-fetch-site", "same-site"]], true],
    ["same-origin", [["sec-fetch-site", "same-origin"]], false],
    ["the address bar", [["sec-fetch-site", "none"]], false],
    [
      "this node",
      [
        ["host", "node.tail.ts.net:8443"],
        ["origin", "https://node.tail.ts.net:8443"],
      ],
      false,
    ],
    [
      "this node on another port",
      [
        ["host", "node.tail.ts.net:8443"],
        ["origin", "https://node.tail.ts.net"],
      ],
      true,
    ],
    [
      "localhost",
      [
        ["host", "localhost:3000"],
        ["origin", "http://localhost:3000"],
      ],
      false,
    ],
    [
      "localhost, for another host",
      [
        ["host", "node.tail.ts.net:8443"],
        ["origin", "http://localhost:3000"],
      ],
      true,
    ],
    [
      "a name that was rebound",
      [
        ["host", "evil.example"],
        ["origin", "http://evil.example"],
      ],
      true,
    ],
  ] as const)("is told for %s", (_what, lines, foreign) => {
    expect(isForeignPage(whole(lines), config)).toBe(foreign);
  });
});

test.each([
  ["application/json", true],
  ["Application/JSON; charset=utf-8", true],
  ['application/json;charset="UTF-8"', true],
  ["text/plain", false],
  ["application/json; charset=utf-16", false],
  ["application/jsonp", false],
  ["text/plain, application/json", false],
  ["application/x-www-form-urlencoded", false],
  ["", false],
])("the content type %s is JSON: %s", (type, json) => {
  expect(isJsonBody(whole([["content-type", type]]))).toBe(json);
});

test("a body without a type, with two, or compressed is not JSON", () => {
  const json = ["content-type", "application/json"] as const;
  expect(isJsonBody(whole([]))).toBe(false);
  expect(isJsonBody(whole([json, json]))).toBe(false);
  expect(isJsonBody(whole([json, ["content-encoding", "gzip"]]))).toBe(false);
});

test.each([
  ["", true],
  ["*/*", true],
  ["application/json, text/event-stream", true],
  ["text/event-stream;q=0.5", true],
  ["text/*", true],
  ["application/json", false],
])("Accept %s takes a stream: %s", (accept, takes) => {
  expect(accepts(whole([["accept", accept]]), "text/event-stream")).toBe(takes);
});
