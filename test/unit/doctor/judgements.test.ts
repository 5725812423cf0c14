import { describe, expect, test } from "vitest";
import { judgeTailnetCall } from "../../../src/doctor/checks/call.ts";
import { judgeConnect, judgeSocks } from "../../../src/doctor/checks/proxy-connect.ts";
import { judgeListening } from "../../../src/doctor/checks/proxy-listening.ts";
import { judgeAddress, judgePublicInitialize, judgePublicTools } from "../../../src/doctor/checks/public.ts";
import { judgePublicCall } from "../../../src/doctor/checks/public-call.ts";
import { judgeTools } from "../../../src/doctor/checks/tailnet.ts";
import { judgeDial } from "../../../src/doctor/checks/tailnet-dial.ts";
import { judgeInstalled, judgeState } from "../../../src/doctor/checks/tailscale.ts";
import type { DaemonAnswer } from "../../../src/doctor/facts/node-status.ts";
import type { Sighting } from "../../../src/doctor/probe/look.ts";
import type { BackendState } from "../../../src/tailscale/status.ts";

const self = {
  dnsName: "agent.tailnet.ts.net",
  hostName: "agent",
  ips: ["100.64.0.2"],
  tags: ["tag:agent"],
  online: true,
  expired: false,
  peerApiUrls: [],
  capabilities: [],
};

const daemon = (backendState: BackendState, changes: Partial<typeof self> = {}): DaemonAnswer => ({
  kind: "answered",
  socket: "/run/s",
  status: {
    version: "1.102.5",
    backendState,
    authUrl: "",
    self: { ...self, ...changes },
    health: [],
    magicDnsSuffix: "tailnet.ts.net",
    usesTun: false,
  },
});
const silent: DaemonAnswer = { kind: "silent", socket: "/run/s", reason: "ENOENT" };

describe("tailscale.state", () => {
  test.each([
    [daemon("Running"), false, "pass", "agent.tailnet.ts.net is Running"],
    [daemon("Running", { online: false }), false, "warn", "tailscaled runs, but has lost the coordination server"],
    [daemon("Running", { expired: true }), false, "fail", "the node's key has expired"],
    [daemon("NeedsLogin"), false, "fail", "tailscaled is NeedsLogin"],
    [daemon("NeedsLogin"), true, "warn", "tailscaled is NeedsLogin"],
    [daemon("NeedsMachineAuth"), false, "fail", "tailscaled is NeedsMachineAuth"],
    [daemon("Stopped"), false, "fail", "tailscaled is Stopped"],
    [silent, false, "fail", "tailscaled does not answer"],
    [silent, true, "skip", "the tailnet is reached without tailscaled on this machine"],
  ] as const)("%# is judged", (answer, reached, status, message) => {
    expect(judgeState({ daemon: answer, reached })).toMatchObject({ status, message });
  });
});

describe("tailscale.installed", () => {
  const missing = { kind: "missing", names: ["tailscale", "tailscaled"], refused: [] } as const;

  test.each([
    [{ kind: "found", tailscale: "/bin/tailscale", tailscaled: "/bin/tailscaled" } as const, silent, false, "pass"],
    [missing, daemon("Running"), false, "pass"],
    [missing, silent, true, "skip"],
    [missing, silent, false, "fail"],
  ])("%# is judged", (programs, answer, reached, status) => {
    expect(judgeInstalled({ programs, daemon: answer, reached }).status).toBe(status);
  });
});

describe("the proxy", () => {
  const way = { proxy: { protocol: "http", host: "127.0.0.1", port: 1055 }, origin: "up" } as const;
  const none = { proxy: undefined, origin: "none" } as const;

  test("listens, or not, or is not needed", () => {
    const owner = { pid: 7, command: "tailscaled" };
    expect(judgeListening({ way, refusal: undefined, owner })).toMatchObject({
      status: "pass",
      message: "http://127.0.0.1:1055 (tailscaled, process 7)",
    });
    expect(judgeListening({ way, refusal: "ECONNREFUSED", owner: undefined }).status).toBe("fail");
    expect(judgeListening({ way: none, refusal: undefined, owner: undefined }).status).toBe("skip");
  });

  test.each([
    [undefined, "pass"],
    [{ layer: "connect", reason: "connection refused", byTailscale: true }, "pass"],
    [{ layer: "name", reason: "no such host", byTailscale: true }, "pass"],
    [{ layer: "connect", reason: 'it answered "HTTP/1.1 404 Not Found"', byTailscale: false }, "fail"],
    [{ layer: "connect", reason: "no answer within 8000 ms", byTailscale: false }, "unknown"],
    [{ layer: "proxy", reason: "no answer within 8000 ms", byTailscale: false }, "fail"],
  ])("that answers %j: %s", (failure, status) => {
    expect(judgeConnect({ way, target: "node.ts.net:8443", failure }).status).toBe(status);
  });

  test("that takes a request for this node itself and says nothing is no tailnet's", () => {
    const failure = { layer: "connect", reason: "no answer within 2500 ms", byTailscale: false };
    expect(judgeConnect({ way, target: "100.64.0.3:41112", failure, isSelf: true }).status).toBe("fail");
  });

  test("lets programs that read ALL_PROXY through, or not, or is not needed", () => {
    const node = { target: "100.64.0.3:41112", isSelf: true };
    const failure = { layer: "proxy", reason: "closed", byTailscale: false };
    expect(judgeSocks({ way, ...node, failure: undefined })).toMatchObject({
      status: "pass",
      message: "socks5h://127.0.0.1:1055 leads into the tailnet",
    });
    expect(judgeSocks({ way, ...node, failure }).status).toBe("warn");
    expect(judgeSocks({ way, target: "node.ts.net:8443", isSelf: false, failure }).status).toBe("unknown");
    expect(judgeSocks({ way: none, ...node, failure: undefined }).status).toBe("skip");
    expect(judgeSocks({ way, target: undefined, isSelf: false, failure: undefined }).status).toBe("unknown");
    expect(judgeConnect({ way, target: undefined, failure: undefined }).status).toBe("unknown");
  });

  test("tells a name from a port when the server cannot be dialed", () => {
    const dialed = { end: "node.ts.net:8443", through: undefined, durationMs: 1 };
    expect(judgeDial({ ...dialed, failure: { layer: "name", reason: "no such host" } }).message).toBe(
      "the name node.ts.net:8443 leads nowhere: no such host",
    );
    expect(judgeDial({ ...dialed, failure: { layer: "connect", reason: "refused" } }).message).toBe(
      "node.ts.net:8443 does not answer: refused",
    );
    expect(judgeDial({ ...dialed, failure: undefined }).status).toBe("pass");
  });
});

const sighting = (changes: Partial<Sighting>): Sighting => ({
  opening: "legacy",
  kind: "listed",
  opened: true,
  session: false,
  confirmed: false,
  serverName: "notes",
  tools: [],
  status: 200,
  layer: undefined,
  redirect: undefined,
  reason: "HTTP 200",
  ...changes,
});

describe("tailnet.tools", () => {
  const tools = ["search", "read_a", "read_b"];

  test.each([
    [tools, [], undefined, "pass", "3 tools"],
    [["one"], [], undefined, "pass", "1 tool"],
    [[], [], undefined, "fail", "0 tools where at least 1 was expected"],
    [[], [], 0, "pass", "0 tools"],
    [tools, ["search", "read_*"], undefined, "pass", "3 tools"],
    [tools, ["write_*"], undefined, "fail", '3 tools, but none that fits "write_*"'],
    [tools, [], 4, "fail", "3 tools where at least 4 were expected"],
  ])("%j against %j and %j is %s", (seen, expectedTools, minTools, status, message) => {
    const expected = { expectedTools, minTools, reproduce: "curl" };
    expect(judgeTools(sighting({ tools: seen }), expected)).toMatchObject({ status, message });
  });
});

describe("the public side", () => {
  test.each([
    [{ kind: "unknown", reason: "no resolver" } as const, false, "unknown"],
    [{ kind: "forbidden", addresses: ["100.64.0.1"], resolver: "1.1.1.1" } as const, false, "unknown"],
    [{ kind: "nameless", resolver: "1.1.1.1" } as const, false, "unknown"],
    [{ kind: "nameless", resolver: "1.1.1.1" } as const, true, "pass"],
    [{ kind: "open", typed: true, address: "127.0.0.1", port: 1, resolver: undefined } as const, false, "pass"],
  ])("public.address %# is judged", (way, vantage, status) => {
    expect(judgeAddress({ way, vantage, host: "node.ts.net" }).status).toBe(status);
  });

  test("that is closed has no tools, and cannot be validated unless it was declared so", () => {
    const view = { kind: "closed", reason: "connection refused" } as const;
    expect(judgePublicTools({ view, allowed: [] }).status).toBe("pass");
    expect(judgePublicInitialize({ view, declaredClosed: false }).status).toBe("warn");
    expect(judgePublicInitialize({ view, declaredClosed: true }).status).toBe("pass");
  });

  test.each([
    [sighting({}), false, "pass"],
    [sighting({}), true, "fail"],
    [sighting({ kind: "refused", opened: false, status: 403 }), false, "warn"],
    [sighting({ kind: "refused", opened: false, status: 403 }), true, "warn"],
    [sighting({ kind: "held", opened: false, status: undefined }), false, "unknown"],
  ])("that answers with %# can be validated or not, declared closed: %s", (seen, declaredClosed, status) => {
    const route = {
      side: "public",
      url: new URL("https://node.ts.net/mcp"),
      open: () => Promise.reject(new Error("not dialed")),
      shared: undefined,
      ca: undefined,
      headers: [],
      curl: [],
    } as const;
    const view = { kind: "seen", looks: [{ asked: route.url.href, route, sighting: seen }] } as const;
    expect(judgePublicInitialize({ view, declaredClosed }).status).toBe(status);
  });

  test("that cannot be seen is unknown, never passed", () => {
    const view = { kind: "unknown", reason: "no way out" } as const;
    expect(judgePublicTools({ view, allowed: [] }).status).toBe("unknown");
    expect(judgePublicInitialize({ view, declaredClosed: true }).status).toBe("unknown");
  });
});

describe("a call", () => {
  const trace = "404 no";
  const ran = { kind: "ran", isError: false, status: 200, trace } as const;
  const failed = { ...ran, isError: true } as const;
  const refused = { kind: "refused", status: 404, reason: "HTTP 404", trace } as const;
  const lost = { kind: "unanswered", reason: "reset" } as const;

  test.each([
    [ran, "pass", "fail"],
    [failed, "fail", "pass"],
    [refused, "fail", "pass"],
    [lost, "fail", "unknown"],
    [{ kind: "held", reason: "200 requests are enough for one run" } as const, "unknown", "unknown"],
  ])("that %j is %s inside and %s outside", (result, inside, outside) => {
    const found = { kind: "called", tool: "search", result } as const;
    expect(judgeTailnetCall(found).status).toBe(inside);
    expect(judgePublicCall({ ...found, madeUp: refused }).status).toBe(outside);
  });

  test.each([
    [refused, refused, "pass"],
    [refused, { ...refused, trace: "404 no such tool" }, "warn"],
    [failed, { ...failed, trace: "200 unknown tool" }, "warn"],
    [refused, lost, "pass"],
    [ran, { ...refused, trace: "404 no such tool" }, "fail"],
  ])("that is %j of a tool that exists, and %j of one that does not, is %s", (result, madeUp, status) => {
    expect(judgePublicCall({ kind: "called", tool: "search", result, madeUp }).status).toBe(status);
  });

  test.each([
    [refused, { ...refused, trace: "200 unknown tool" }, "pass"],
    [refused, refused, "warn"],
    [failed, failed, "warn"],
    [ran, ran, "warn"],
    [lost, refused, "unknown"],
    [refused, lost, "unknown"],
    [refused, undefined, "pass"],
    [{ ...refused, code: -32601 }, undefined, "pass"],
    [{ ...refused, code: -32602 }, undefined, "warn"],
    [failed, undefined, "warn"],
  ])("of no tool that is %j outside and %j inside is %s", (outside, inside, status) => {
    const outcome = judgePublicCall({ kind: "made-up", outside, inside, reproduce: "curl" });
    expect(outcome.status).toBe(status);
    if (status === "warn") expect(outcome.hint).toContain("--call-tool");
  });
});
