import { describe, expect, it } from "vitest";
import { backendTarget, parseTarget, stripMount } from "../../../src/sandbox/front/request-target.ts";
import { findMount } from "../../../src/sandbox/front/serve-config.ts";
import { expandServeTarget, parseServeTarget } from "../../../src/sandbox/front/serve-target.ts";
import { createTailnet, defaultVersion } from "../../../src/sandbox/people.ts";
import { destinationOf } from "../../../src/sandbox/proxy/destination.ts";

// The whole truth is the parity suite's; these tables say which rule broke.

describe("a target behind a mount", () => {
  it.each([
    ["/mcp", "/mcp", "", "/"],
    ["/mcp", "/mcp", "/base", "/base"],
    ["/mcp/", "/mcp", "/base", "/base/"],
    ["/mcp/a%2fb", "/mcp", "", "/a%2fb"],
    ["/mcp/../../x", "/mcp", "", "/../../x"],
    ["/a?b=1;c&d=2", "/", "", "/a?d=2"],
    ["/a?", "/", "", "/a?"],
    ['/a"b', "/", "", "/a%22b"],
  ])("%s below %s goes to %j as %s", (text, mount, base, wanted) => {
    const target = parseTarget(text);
    const stripped = target && stripMount(target, mount);
    expect(stripped && backendTarget(stripped, base)).toBe(wanted);
  });

  it.each(["/a/../mcp", "/%2e%2e/mcp"])("is not found when %s only means it", (text) => {
    const target = parseTarget(text);
    expect(target && stripMount(target, "/mcp")).toBeUndefined();
  });

  it.each(["/%zz", "a", "/a b", ""])("is no target when it is %j", (text) => {
    expect(parseTarget(text)).toBeUndefined();
  });
});

describe("a path", () => {
  const mounts = ["/", "/mcp", "/deep/"].map((path) => ({ path, target: "1", acceptAppCaps: [] }));

  it.each([
    ["/mcp", "/mcp"],
    ["/mcp/a", "/mcp"],
    ["/mcpx", "/"],
    ["/deep", "/deep/"],
    ["/deep/a/../b", "/deep/"],
    ["/x/../mcp", "/mcp"],
  ])("%s leads to the mount %s", (path, wanted) => {
    expect(findMount({ funnel: false, mounts }, path)?.path).toBe(wanted);
  });

  it.each(["*", ""])("that is %j leads nowhere", (path) => {
    expect(findMount({ funnel: false, mounts: mounts.slice(1) }, path)).toBeUndefined();
  });
});

describe("a serve target", () => {
  it.each([
    ["3000", "http://127.0.0.1:3000"],
    ["localhost:3000", "http://localhost:3000"],
    ["unix:/run/x", "unix:/run/x"],
  ])("%s is kept as %s", (text, wanted) => {
    expect(expandServeTarget(text)).toBe(wanted);
  });

  it.each(["https://127.0.0.1:1", "https+insecure://127.0.0.1:1", "http://10.0.0.1:1", "ftp://x"])(
    "%s is refused",
    (text) => {
      expect(() => parseServeTarget(text)).toThrow(/serves no/);
    },
  );
});

describe("a node that is not running", () => {
  const tailnet = createTailnet({ version: defaultVersion, callers: {} });
  const authority = `${tailnet.server.dnsName}:8443`;

  it("gets no answer when it knows the tailnet, and no name when it does not", () => {
    expect(destinationOf(authority, { tailnet, standing: "known" })).toEqual({ kind: "silent" });
    expect(destinationOf(authority, { tailnet, standing: "unknown" })).toMatchObject({ kind: "failed" });
  });

  it("never leaves the machine", () => {
    expect(destinationOf("192.0.2.1:443", { tailnet, standing: "running" })).toMatchObject({ kind: "failed" });
  });
});
