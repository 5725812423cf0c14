import { describe, expect, test } from "vitest";
import { type Exposure, exposuresFor, parseServeConfig } from "../../../src/tailscale/serve-config.ts";
import { isOnLoopback, listenerOf, parseServeTarget } from "../../../src/tailscale/serve-target.ts";

describe("a Serve configuration", () => {
  test("tells what is served in the background, in the foreground, to whom and as what", () => {
    const config = {
      TCP: { 443: { HTTPS: true }, 8443: { HTTPS: true }, 10000: { TCPForward: "127.0.0.1:9000", TerminateTLS: "n" } },
      Web: {
        "n.ts.net:443": { Handlers: { "/": { Text: "hello" }, "/mcp": { Proxy: "http://127.0.0.1:1" } } },
        "n.ts.net:8443": { Handlers: { "/": { Proxy: "unix:/run/mcp.sock" } } },
      },
      AllowFunnel: { "n.ts.net:443": true, "n.ts.net:8443": false },
      Foreground: {
        session: { TCP: { 9: { TCPForward: "127.0.0.1:2" } }, AllowFunnel: { "n.ts.net:9": true } },
      },
    };
    expect(parseServeConfig(JSON.stringify(config))).toEqual([
      { port: 10000, kind: "tcp", mount: "/", target: "127.0.0.1:9000", isFunnel: false },
      { port: 443, kind: "web", mount: "/", target: undefined, isFunnel: true },
      { port: 443, kind: "web", mount: "/mcp", target: "http://127.0.0.1:1", isFunnel: true },
      { port: 8443, kind: "web", mount: "/", target: "unix:/run/mcp.sock", isFunnel: false },
      { port: 9, kind: "tcp", mount: "/", target: "127.0.0.1:2", isFunnel: true },
    ]);
  });

  test.each([
    ["null", []],
    ["{}", []],
    ['{"TCP":[],"Web":{"x":{"Handlers":{"/":{"Proxy":"a"}}}},"Foreground":{"a":7}}', []],
    ["[]", undefined],
    ["7", undefined],
    ["{", undefined],
  ])("is %j with nothing in it, or none at all", (json, expected) => {
    expect(parseServeConfig(json)).toEqual(expected);
  });

  const web = (mount: string): Exposure => ({ port: 8443, kind: "web", mount, target: "x", isFunnel: false });
  const raw: Exposure = { port: 8443, kind: "tcp", mount: "/", target: "x", isFunnel: true };

  test.each([
    ["/mcp/notes", ["/", "/mcp"], ["/mcp"]],
    ["/mcp", ["/", "/mcp"], ["/mcp"]],
    ["/mcp", ["/", "/mcp/"], ["/mcp/"]],
    ["/mcpx", ["/", "/mcp"], ["/"]],
    ["/mcp", ["/other"], []],
    ["/", ["/", "/mcp"], ["/"]],
  ])("leads %s by the longest of %j to %j", (path, mounts, expected) => {
    const exposures = [...mounts.map(web), raw, { ...web("/mcp/notes"), port: 443 }];
    const found = exposuresFor(exposures, { port: 8443, path });
    expect(found.filter(({ kind }) => kind === "web").map(({ mount }) => mount)).toEqual(expected);
    expect(found).toContain(raw);
  });
});

describe("a target of Serve", () => {
  test.each([
    ["http://127.0.0.1:3000", "localhost:3000", true],
    ["http://localhost:3000/mcp", "localhost:3000", true],
    ["https+insecure://[::1]:3000", "localhost:3000", true],
    ["127.0.0.1:3000", "localhost:3000", true],
    ["3000", "localhost:3000", true],
    ["http://10.0.0.7", "10.0.0.7:80", false],
    ["https://elsewhere.example", "elsewhere.example:443", false],
    ["unix:/run/mcp.sock", "unix:/run/mcp.sock", false],
  ])("%s is the listener %s", (text, listener, loopback) => {
    const target = parseServeTarget(text);
    expect(target && listenerOf(target)).toBe(listener);
    expect(target && isOnLoopback(target)).toBe(loopback);
  });

  test.each(["", "http://", "text:hello there"])("is none when it reads %j", (text) => {
    expect(parseServeTarget(text)).toBeUndefined();
  });
});
