import { describe, expect, test } from "vitest";
import { createPace, refusalTimeMs } from "../../../src/gateway/pace.ts";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { agentAddress, initialize, openSession, rpc, startFront } from "./front.ts";

async function start(single = false) {
  const upstream = fakeUpstream("notes", { "tools/list": { tools: [{ name: "search" }] } });
  const front = await startFront({ upstreams: [upstream], single });
  return { upstream, front };
}

const serverInfo = { name: "tsmcp-public", version: "1.0.0" };
const modern = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } };

describe("the public listener", () => {
  test.each([
    ["initialize", initialize, 200, { result: { protocolVersion: "2025-11-25", serverInfo } }],
    ["tools/list", rpc("tools/list"), 200, { result: { tools: [] } }],
    ["resources/templates/list", rpc("resources/templates/list"), 200, { result: { resourceTemplates: [] } }],
    ["a call", rpc("tools/call", { name: "search" }), 200, { error: { code: -32601, message: "Method not found" } }],
    ["an unknown method", rpc("x/y"), 200, { error: { code: -32601, message: "Method not found" } }],
    [
      "server/discover",
      rpc("server/discover", modern),
      200,
      { result: { supportedVersions: ["2026-07-28"], cacheScope: "private", ttlMs: 0 } },
    ],
    [
      "a modern list",
      rpc("tools/list", modern),
      200,
      { result: { tools: [], resultType: "complete", cacheScope: "private" } },
    ],
    ["a modern call", rpc("tools/call", { name: "search", ...modern }), 404, { error: { code: -32601 } }],
    ["a batch", [rpc("tools/list")], 400, { error: { code: -32600 } }],
    ["no JSON", "{", 400, { error: { code: -32700 } }],
  ])("answers %s", async (_what, body, status, json) => {
    const { front, upstream } = await start();
    const answer = await front.send("public", { body, from: agentAddress });
    expect(answer).toMatchObject({ status, json });
    expect(answer.headers["mcp-session-id"]).toBeUndefined();
    expect(upstream.reached).toEqual([]);
  });

  test("answers alike whatever the path, the session and the headers say", async () => {
    const { front } = await start();
    const session = await openSession(front, agentAddress);
    const body = rpc("tools/list");
    const plain = await front.send("public", { body });
    const others = [
      { path: "/" },
      { path: "/mcp" },
      { path: "/mcp/other" },
      { path: "/%2e%2e/mcp/notes" },
      { session },
      { from: agentAddress },
      {
        headers: [
          ["content-type", "application/json"],
          ["tailscale-user-login", "alice@example.com"],
        ] as const,
      },
    ];
    for (const other of others) {
      const { status, text, headers } = await front.send("public", { body, ...other });
      expect({ status, text, names: Object.keys(headers) }).toEqual({
        status: plain.status,
        text: plain.text,
        names: Object.keys(plain.headers),
      });
    }
  });

  test.each([
    ["GET", { method: "GET" }, 405],
    ["DELETE", { method: "DELETE" }, 405],
    ["PUT", { method: "PUT" }, 405],
    ["a body that is too large", { body: "x".repeat(64 * 1024 + 1) }, 413],
    ["another content type", { body: "{}", headers: [["content-type", "text/plain"]] as const }, 415],
  ])("refuses %s on every path", async (_what, ask, status) => {
    const { front } = await start();
    for (const path of ["/mcp/notes", "/mcp/other", "/"])
      expect((await front.send("public", { path, ...ask })).status).toBe(status);
  });
});

test("with one listener, a mark of Funnel makes a request public whatever else it says", async () => {
  const { front, upstream } = await start(true);
  const body = rpc("tools/list");
  const session = await openSession(front, agentAddress);
  const marked = await front.send("private", {
    body,
    session,
    from: agentAddress,
    headers: [
      ["content-type", "application/json"],
      ["Tailscale-Funnel-Request", "?0"],
    ],
  });
  expect(marked.json).toEqual({ jsonrpc: "2.0", id: 1, result: { tools: [] } });
  expect(upstream.reached.map(({ what }) => what)).toEqual(["open"]);
  const plain = await front.send("private", { body, session, from: agentAddress });
  expect(plain.json).toMatchObject({ result: { tools: [{ name: "search" }] } });
});

test("the operator's listener tells health, readiness and numbers, and nothing else does", async () => {
  const { front } = await start();
  await openSession(front, agentAddress);
  const get = async (side: "admin" | "private" | "public", path: string) =>
    front.send(side, { method: "GET", path, headers: [], ...(side === "private" ? { from: agentAddress } : {}) });
  expect(await get("admin", "/healthz")).toMatchObject({ status: 200, text: "ok\n" });
  expect(await get("admin", "/readyz")).toMatchObject({ status: 200, text: "ok\n" });
  const { text } = await get("admin", "/metrics");
  expect(text).toContain('tsmcp_gateway_requests_total{view="private",upstream="notes",outcome="ok"} 1\n');
  expect(text).toContain("tsmcp_gateway_sessions 1\n");
  expect(text).toContain('tsmcp_gateway_upstream_up{upstream="notes"} 1\n');
  expect((await get("admin", "/mcp/notes")).status).toBe(404);
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    expect((await get("private", path)).status).toBe(404);
    expect((await get("public", path)).status).toBe(405);
  }
});

test("what costs more takes the time of several", () => {
  const pace = createPace({ perSecond: 1_000, burst: 3, maxWaiting: 2, now: () => 1_000 });
  expect([pace.turn(4), pace.turn(3), pace.turn()].map((turn) => (turn instanceof Promise ? "waits" : turn))).toEqual([
    true,
    "waits",
    false,
  ]);
});

test("a pace lets a burst through, then has some wait, and then nobody, until time has passed", () => {
  let nowMs = 1_000;
  const pace = createPace({ perSecond: 1_000, burst: 3, maxWaiting: 2, now: () => nowMs });
  const turns = (count: number): unknown[] =>
    Array.from({ length: count }, () => pace.turn()).map((turn) => (turn instanceof Promise ? "waits" : turn));
  expect(turns(8)).toEqual([true, true, true, true, "waits", "waits", false, false]);
  nowMs += 2;
  expect(turns(4)).toEqual(["waits", "waits", false, false]);
  nowMs += 1_000;
  expect(turns(5)).toEqual([true, true, true, true, "waits"]);
});

test.each([
  ["the first one waits a second", { nowMs: 9_000, lastRefusalMs: 0 }, 10_000],
  ["one that comes with another goes some time after it", { nowMs: 9_000, lastRefusalMs: 10_000 }, 10_010],
  ["one that comes later than that waits a second again", { nowMs: 9_050, lastRefusalMs: 10_010 }, 10_050],
  ["however many came before it, none waits more than five", { nowMs: 9_000, lastRefusalMs: 13_995 }, 14_000],
])("of those that are refused %s", (_what, asked, expected) => {
  expect(refusalTimeMs({ ...asked, stepMs: 2.5 })).toBe(expected);
});
