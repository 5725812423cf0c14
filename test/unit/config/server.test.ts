import { describe, expect, test } from "vitest";
import {
  isSameServerUrl,
  readServerUrl,
  serverFromAssignment,
  serverFromSides,
  serverFromUrl,
} from "../../../src/config/server.ts";
import { fc } from "../../fakes/drawn.ts";

describe("readServerUrl", () => {
  test.each([
    ["https://Node.Tail.ts.net:8443/mcp", "https://node.tail.ts.net:8443/mcp"],
    ["https://node.tail.ts.net.:8443/mcp", "https://node.tail.ts.net:8443/mcp"],
    ["https://node.tail.ts.net:443/mcp?x=1", "https://node.tail.ts.net/mcp?x=1"],
    ["HTTPS://node.tail.ts.net", "https://node.tail.ts.net/"],
    ["http://127.0.0.1:3000/mcp", "http://127.0.0.1:3000/mcp"],
    ["http://[::1]:3000/mcp", "http://[::1]:3000/mcp"],
    ["http://localhost/mcp", "http://localhost/mcp"],
  ])("takes %s as %s when it is https or on this machine", (text, href) => {
    const result = readServerUrl(text);
    expect(result.status === "ok" ? result.url.href : result).toBe(href);
  });

  test.each([
    ["http://node.tail.ts.net/mcp", "https, or http to this machine"],
    ["http://127.0.0.1.evil.example/mcp", "https, or http to this machine"],
    ["https://user:secret@node.tail.ts.net/mcp", "a URL without a user or password"],
    ["https://user@node.tail.ts.net/mcp", "a URL without a user or password"],
    ["https://node.tail.ts.net/mcp#a", "a URL without a fragment"],
    ["ftp://node.tail.ts.net/mcp", "a URL such as https://node.tailnet.ts.net:8443/mcp"],
    ["node.tail.ts.net", "a URL such as https://node.tailnet.ts.net:8443/mcp"],
    ["https://", "a URL such as https://node.tailnet.ts.net:8443/mcp"],
    ["https://node.tail.ts.net..", "a URL with a host name"],
    ["https://node.tail.ts.net/mcp\n", "a URL without blanks, backslashes or control characters"],
    ["https://node.tail.ts.net\\@evil.example", "a URL without blanks, backslashes or control characters"],
  ])("refuses %j when it is no URL of a server", (text, expected) => {
    expect(readServerUrl(text)).toEqual({ status: "invalid", expected });
  });

  test("reads its own result unchanged when the text is anything at all", () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ["https"], withQueryParameters: true }), (text) => {
        const once = readServerUrl(text);
        if (once.status === "ok") expect(readServerUrl(once.url.href)).toEqual(once);
      }),
    );
  });
});

describe("a server", () => {
  test.each([
    {
      title: "derives the public side when the URL has port 8443",
      server: serverFromUrl("https://n.t.ts.net:8443/mcp/a", "URL"),
      tailnet: ["https://n.t.ts.net:8443/mcp/a"],
      open: ["https://n.t.ts.net/mcp/a"],
      derived: "public",
    },
    {
      title: "derives the tailnet side when the URL has no port",
      server: serverFromUrl("https://n.t.ts.net/mcp/a", "URL"),
      tailnet: ["https://n.t.ts.net:8443/mcp/a"],
      open: ["https://n.t.ts.net/mcp/a"],
      derived: "tailnet",
    },
    {
      title: "means /mcp and then / when the URL has no path",
      server: serverFromUrl("https://n.t.ts.net", "URL"),
      tailnet: ["https://n.t.ts.net:8443/mcp", "https://n.t.ts.net:8443/"],
      open: ["https://n.t.ts.net/mcp", "https://n.t.ts.net/"],
      derived: "tailnet",
    },
    {
      title: "has no public side when it is on this machine",
      server: serverFromUrl("http://127.0.0.1:3000/mcp", "URL"),
      tailnet: ["http://127.0.0.1:3000/mcp"],
      open: undefined,
      derived: "public",
    },
    {
      title: "keeps both sides when both are given",
      server: serverFromSides("a", { tailnetUrl: "https://n.t.ts.net/x", publicUrl: "https://p.example/y" }, "a"),
      tailnet: ["https://n.t.ts.net/x"],
      open: ["https://p.example/y"],
      derived: "none",
    },
  ])("$title", ({ server, tailnet, open, derived }) => {
    expect(server).toMatchObject({ tailnetUrls: tailnet, derived });
    expect(server.publicUrls).toEqual(open);
  });

  test("still has its default public side when publicUrl is null, and is marked closed", () => {
    const server = serverFromSides("a", { tailnetUrl: "https://n.t.ts.net:8443/x", publicUrl: null }, "a");
    expect(server).toMatchObject({ publicUrls: ["https://n.t.ts.net/x"], publicClosed: true });
  });

  test("hands on the URL without a path as it was given", () => {
    expect(serverFromUrl("https://n.t.ts.net:8443", "URL").tailnetUrl).toBe("https://n.t.ts.net:8443");
  });

  test.each(["notes", "=https://n.t.ts.net", "__proto__=https://n.t.ts.net", "a b=https://n.t.ts.net"])(
    "is refused when %j is not NAME=URL",
    (text) => {
      expect(() => serverFromAssignment(text, "--server")).toThrowError(/is not NAME=URL/);
    },
  );

  test("does not repeat a pasted password when its URL is refused", () => {
    expect(() => serverFromAssignment("a=https://me:p@ss@n.t.ts.net/mcp", "--server")).toThrowError(
      '--server: expected a URL without a user or password, got "https://[secret]@n.t.ts.net/mcp"',
    );
  });
});

test("isSameServerUrl sees through case, default port and trailing dot when the URL is the same", () => {
  expect(isSameServerUrl("https://N.t.ts.net:443", "https://n.t.ts.net./")).toBe(true);
  expect(isSameServerUrl("https://n.t.ts.net/a", "https://n.t.ts.net/b")).toBe(false);
  expect(isSameServerUrl("bridge", "bridge")).toBe(false);
});
