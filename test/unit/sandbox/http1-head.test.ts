import { describe, expect, it } from "vitest";
import { parseHead } from "../../../src/sandbox/front/http1/head.ts";

const head = (...lines: readonly string[]): string => [...lines, "", ""].join("\r\n");
const post = (...lines: readonly string[]): string => head("POST /a HTTP/1.1", "Host: x", ...lines);

describe("a head of HTTP/1", () => {
  it.each([
    { title: "nothing is declared", text: post(), framing: { kind: "none" } },
    { title: "a length is declared", text: post("Content-Length: 05"), framing: { kind: "sized", length: 5 } },
    { title: "a length is folded", text: post("Content-Length:", " 5"), framing: { kind: "sized", length: 5 } },
    {
      title: "chunks are declared too",
      text: post("Content-Length: 5", "transfer-encoding: Chunked"),
      framing: { kind: "chunked" },
    },
    {
      title: "version 1.0 has chunks",
      text: head("POST / HTTP/1.0", "Transfer-Encoding: chunked"),
      framing: { kind: "none" },
    },
  ])("is framed as Go frames it when $title", ({ text, framing }) => {
    expect(parseHead(text)).toMatchObject({ kind: "head", framing });
  });

  it.each([
    { title: "is empty", text: "\r\n", status: "400 Bad Request" },
    { title: "has no version", text: head("GET /"), status: "400 Bad Request" },
    { title: "has blanks in its target", text: head("GET /a b HTTP/1.1"), status: "400 Bad Request" },
    { title: "begins with a folded line", text: head("GET / HTTP/1.1", " a: b"), status: "400 Bad Request" },
    { title: "has two lengths", text: post("Content-Length: 5", "Content-Length: 6"), status: "400 Bad Request" },
    { title: "has a length with a sign", text: post("Content-Length: +5"), status: "400 Bad Request" },
    {
      title: "has chunked twice",
      text: post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
      status: "501 Not Implemented",
    },
    { title: "has a blank in a name", text: post("a b: c"), status: "400 Bad Request: invalid header name" },
    {
      title: "is of version 2",
      text: head("GET / HTTP/2.0", "Host: x"),
      status: "505 HTTP Version Not Supported: unsupported protocol version",
    },
  ])("is refused when it $title", ({ text, status }) => {
    expect(parseHead(text)).toMatchObject({ kind: "refused", status });
  });

  it("joins folded lines with one blank when a client folds them", () => {
    expect(parseHead(post("A: b", "\t c ", " d"))).toMatchObject({
      headers: [
        ["Host", "x"],
        ["A", "b c d"],
      ],
    });
  });
});
