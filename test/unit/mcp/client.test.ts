import { afterEach, expect, test } from "vitest";
import { connectMcp } from "../../../src/mcp/client.ts";
import { createEndpoint } from "../../../src/mcp/endpoint.ts";
import { dial } from "../../../src/net/dial.ts";
import { openOrigin } from "../../../src/net/origin.ts";
import { certificate } from "../../fakes/certificate.ts";
import { answerRoutine, type Reply, type Seen, startScriptedServer } from "../../fakes/mcp-server.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(script: (seen: Seen, reply: Reply) => void, kind: "http" | "https" = "http") {
  const server = await startScriptedServer(script, kind);
  const authority = `localhost:${server.port}`;
  const origin = openOrigin({
    scheme: kind,
    authority,
    dial: () => dial({ host: "127.0.0.1", port: server.port }, undefined, { timeoutMs: 30_000 }),
    ...(kind === "https" ? { tls: { servername: "localhost", ca: certificate } } : {}),
    handshakeTimeoutMs: 30_000,
    maxHttp1Connections: 4,
  });
  cleanups.push(
    () => server[Symbol.asyncDispose](),
    () => origin.close(),
  );
  const endpoint = createEndpoint({ origin, authority, path: "/mcp", headers: [], maxMessageBytes: 100_000 });
  return { server, endpoint, options: { endpoint, timeoutMs: 30_000 } };
}

test.each(["http", "https"] as const)(
  "the client lists every page and calls a tool over %s, on as few connections as it allows",
  async (kind) => {
    const { server, options } = await start((seen, reply) => {
      if (answerRoutine(seen, reply)) return;
      const { method, params } = seen.body;
      const cursor = JSON.stringify(params).includes('"cursor":"2"');
      if (method === "tools/list")
        return reply.json(cursor ? { tools: [{ name: "b" }] } : { tools: [{ name: "a" }], nextCursor: "2" });
      const stream = reply.stream();
      stream.event({ method: "notifications/progress", params: {} });
      stream.event({ id: seen.body.id, result: { content: [] } });
      stream.end();
    }, kind);
    const client = await connectMcp(options);
    expect(client).toMatchObject({ era: "legacy", protocolVersion: "2025-11-25", serverInfo: { name: "scripted" } });
    expect((await client.listTools()).map(({ name }) => name)).toEqual(["a", "b"]);
    const told: string[] = [];
    await client.callTool({ name: "a", arguments: {}, onMessage: (message) => told.push(message.kind) });
    expect(told).toEqual(["notification"]);
    await client.close();
    expect(server.seen.at(-1)?.httpMethod).toBe("DELETE");
    expect(server.seen.every(({ httpVersion }) => httpVersion === (kind === "http" ? "1.1" : "2.0"))).toBe(true);
    // A stream that is left behind its answer costs an HTTP/1.1 connection.
    expect(server.connections).toBe(kind === "http" ? 2 : 1);
  },
);

test("the client speaks the modern era where the server knows no other", async () => {
  const { server, options } = await start((seen, reply) => {
    if (seen.body.method === "initialize") {
      return reply.status(400, { jsonrpc: "2.0", id: seen.body.id, error: { code: -32022, message: "unsupported" } });
    }
    if (seen.body.method === "server/discover") return reply.json({ serverInfo: { name: "new" }, capabilities: {} });
    reply.json({ resultType: "complete", tools: [{ name: "a" }] });
  });
  const client = await connectMcp(options);
  expect(client).toMatchObject({ era: "modern", protocolVersion: "2026-07-28", serverInfo: { name: "new" } });
  expect(await client.listTools()).toHaveLength(1);
  expect(server.seen.at(-1)?.headers).toMatchObject({
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/list",
  });
  await client.close();
});

test.each([
  ["a web page", (_seen: Seen, reply: Reply) => reply.status(200), "http-failed"],
  ["a 404", (_seen: Seen, reply: Reply) => reply.status(404), "http-failed"],
  [
    "an error of the protocol",
    (_seen: Seen, reply: Reply) => reply.status(400, { id: null, error: { code: -32600, message: "no" } }),
    "mcp-failed",
  ],
] as const)("the client fails as such on %s", async (_name, script, code) => {
  const { options } = await start(script);
  await expect(connectMcp(options)).rejects.toMatchObject({ code });
});

test("the client gives up on a server that does not answer, and on a list without end", async () => {
  const silent = await start(() => {});
  await expect(connectMcp({ ...silent.options, timeoutMs: 50 })).rejects.toMatchObject({
    code: "mcp-failed",
    facts: { timeoutMs: 50 },
  });
  let page = 0;
  const endless = await start((seen, reply) => {
    page += 1;
    if (!answerRoutine(seen, reply)) reply.json({ tools: [], nextCursor: String(page) });
  });
  const client = await connectMcp(endless.options);
  await expect(client.listTools()).rejects.toMatchObject({ code: "mcp-failed" });
});
