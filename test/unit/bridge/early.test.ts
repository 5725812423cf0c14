import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { BridgeOptions } from "../../../src/bridge/options.ts";
import { freePort } from "../../../src/net/listening.ts";
import { rawAgent, startBridge } from "../../fakes/bridge.ts";
import { answerRoutine, type Reply, type Seen, startScriptedServer } from "../../fakes/mcp-server.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const cleanups: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of cleanups.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const hasty = { earlyAfterMs: 20, answerByMs: 100, connectTimeoutMs: 150 };

/** A bridge to a port where nobody listens yet. */
async function startAlone(options: Partial<BridgeOptions> = {}, home = temporaryDirectory(), port?: number) {
  const place = port ?? (await freePort());
  const url = `http://127.0.0.1:${place}/mcp`;
  const bridge = startBridge({ urls: [url], ...hasty, ...options }, { HOME: home });
  cleanups.push(bridge);
  return { bridge, agent: rawAgent(bridge), port: place, url, home };
}

async function startServer(script: (seen: Seen, reply: Reply) => void, port?: number) {
  const server = await startScriptedServer(script, "http", port);
  cleanups.push(server);
  return server;
}

const echo = { name: "echo", description: "says it again", inputSchema: { type: "object" } };

function answerTools(seen: Seen, reply: Reply): void {
  if (answerRoutine(seen, reply)) return;
  const { method, params } = seen.body;
  const said = { content: [{ type: "text", text: JSON.stringify(params) }] };
  reply.json(method === "tools/list" ? { tools: [echo] } : said);
}

const namesIn = (answer: Record<string, unknown>): unknown =>
  JSON.parse(JSON.stringify(answer)).result.tools.map(({ name }: { name: string }) => name);
const textIn = (answer: Record<string, unknown>): string => JSON.parse(JSON.stringify(answer)).result.content[0].text;
const isListChange = ({ method }: Record<string, unknown>): boolean => method === "notifications/tools/list_changed";

test("an agent whose server does not come is answered by the bridge itself, which promises what it can keep", async () => {
  const { agent } = await startAlone();
  const answer = await agent.ask("initialize", { protocolVersion: "2025-06-18", capabilities: {} });
  expect(answer.result).toEqual({
    protocolVersion: "2025-06-18",
    capabilities: {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true },
      logging: {},
    },
    serverInfo: { name: "tsmcp", version: expect.any(String) },
  });
});

test("an agent that asks for a version nobody knows is answered with the newest that has sessions", async () => {
  const { agent } = await startAlone();
  const answer = await agent.ask("initialize", { protocolVersion: "2026-07-28", capabilities: {} });
  expect(answer.result).toMatchObject({ protocolVersion: "2025-11-25" });
});

test("lists are answered without the server, with the tools that tell why", async () => {
  const { agent } = await startAlone();
  await agent.initialize();
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["tsmcp_status", "tsmcp_call"]);
  expect(await agent.ask("prompts/list")).toMatchObject({ result: { prompts: [] } });
  expect(await agent.ask("resources/templates/list")).toMatchObject({ result: { resourceTemplates: [] } });
  expect(await agent.ask("ping")).toMatchObject({ result: {} });
  expect(await agent.ask("logging/setLevel", { level: "debug" })).toMatchObject({ result: {} });
});

test("the status tells the layer, the reason and the mend, and calls fail with the same", async () => {
  const { agent, port } = await startAlone();
  await agent.initialize();
  await agent.ask("tools/list");
  const text = textIn(await agent.ask("tools/call", { name: "tsmcp_status", arguments: {} }));
  expect(text).toContain(`http://127.0.0.1:${port}/mcp cannot be reached`);
  expect(text).toContain("Layer: connect.");
  expect(text).toContain("ECONNREFUSED");
  expect(text).toContain("To mend it: check that the server listens there");
  expect(await agent.ask("tools/call", { name: "other" })).toMatchObject({
    error: { code: -31001, data: { layer: "connect" } },
  });
});

test("a server that comes late is told of, reached by tsmcp_call, and takes over with its own list", async () => {
  const { agent, port } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.initialize();
  await agent.ask("tools/list");
  const server = await startServer(answerTools, port);
  await agent.next(isListChange);
  const text = textIn(await agent.ask("tools/call", { name: "tsmcp_status" }));
  expect(text).toContain("can be reached now. It has 1 tool.");
  expect(text).toContain("- echo: says it again");
  const call = { name: "tsmcp_call", arguments: { tool: "echo", arguments: { message: "hi" } } };
  expect(textIn(await agent.ask("tools/call", { ...call, _meta: { progressToken: 7 } }))).toBe(
    JSON.stringify({ name: "echo", arguments: { message: "hi" }, _meta: { progressToken: 7 } }),
  );
  expect(await agent.ask("tools/call", { name: "tsmcp_call", arguments: {} })).toMatchObject({
    result: { isError: true },
  });
  expect(text).toContain("Your list is from before that.");
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["echo"]);
  expect(textIn(await agent.ask("tools/call", { name: "tsmcp_status" }))).toContain(
    "You have read its list since then",
  );
  const order = server.seen.flatMap(({ body }) => (body.method === undefined ? [] : [body.method]));
  expect(order.slice(0, 2)).toEqual(["initialize", "notifications/initialized"]);
});

test("a call waits for a server that comes late, and does not wait for the background's turn", async () => {
  const { agent, port } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.initialize();
  const answer = agent.ask("tools/call", { name: "echo", arguments: { a: 1 } });
  await startServer(answerTools, port);
  expect(textIn(await answer)).toContain('"a":1');
});

test("changes are told only after the agent is ready, and only of lists that it has and the server too", async () => {
  const { agent, port } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.ask("initialize", { protocolVersion: "2025-11-25" });
  await agent.ask("tools/list");
  await agent.ask("prompts/list");
  const server = await startServer(answerTools, port);
  await server.saw(({ body }) => body.method === "initialize");
  await agent.ask("tools/call", { name: "echo" });
  expect(agent.unread).toEqual([]);
  agent.send({ method: "notifications/initialized" });
  await agent.next(isListChange);
  await agent.ask("tools/call", { name: "echo" });
  expect(agent.unread).toEqual([]);
});

test("what the server said last time answers within the second when it is away, to the same caller only", async () => {
  const port = await freePort();
  const home = temporaryDirectory();
  const first = await startAlone({ earlyAfterMs: 5_000, answerByMs: 10_000 }, home, port);
  const server = await startScriptedServer(answerTools, "http", port);
  await first.agent.initialize();
  await first.agent.ask("tools/list");
  first.bridge.stdin.end();
  await first.bridge.ended;
  await server[Symbol.asyncDispose]();
  const kept = join(home, ".cache/tsmcp");
  expect(statSync(kept).mode & 0o777).toBe(0o700);
  expect(readdirSync(kept).map((name) => statSync(join(kept, name)).mode & 0o777)).toEqual([0o600]);

  const again = await startAlone({ answerByMs: 60_000 }, home, port);
  const answer = await again.agent.initialize();
  expect(answer.result).toMatchObject({
    serverInfo: { name: "scripted" },
    capabilities: { tools: { listChanged: true } },
  });
  again.bridge.terminate();
  await again.bridge.ended;
  // As on a machine whose clock was set back since.
  for (const name of readdirSync(kept)) {
    const text = readFileSync(join(kept, name), "utf8");
    writeFileSync(join(kept, name), text.replace(/"savedAt":\d+/, `"savedAt":${Date.now() + 86_400_000}`));
  }
  const late = await startAlone({}, home, port);
  await late.agent.initialize();
  expect(namesIn(await late.agent.ask("tools/list"))).toEqual(["echo", "tsmcp_status", "tsmcp_call"]);
  expect(textIn(await late.agent.ask("tools/call", { name: "tsmcp_status" }))).toContain("what it said last time");

  const other = await startAlone({ headers: ["X-Caller: other"] }, home, port);
  expect((await other.agent.initialize()).result).toMatchObject({ serverInfo: { name: "tsmcp" } });
});

test("the committed lock answers where there is no cache", async () => {
  const port = await freePort();
  const home = temporaryDirectory();
  const lockFile = join(home, "tsmcp.lock.json");
  const locked = {
    url: `http://127.0.0.1:${port}/mcp`,
    protocolVersion: "2025-06-18",
    serverInfo: { name: "locked", version: "3" },
    capabilities: { tools: {} },
    instructions: "be kind",
    tools: [echo],
  };
  writeFileSync(lockFile, JSON.stringify({ version: 1, servers: { notes: locked } }));
  const { agent } = await startAlone({ lockFile }, home, port);
  expect((await agent.initialize()).result).toEqual({
    protocolVersion: "2025-06-18",
    capabilities: { tools: { listChanged: true } },
    serverInfo: locked.serverInfo,
    instructions: "be kind",
  });
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["echo", "tsmcp_status", "tsmcp_call"]);
});

test("a lock that is broken is told of and done without", async () => {
  const home = temporaryDirectory();
  const lockFile = join(home, "tsmcp.lock.json");
  writeFileSync(lockFile, "{");
  const { agent, bridge } = await startAlone({ lockFile }, home);
  expect((await agent.initialize()).result).toMatchObject({ serverInfo: { name: "tsmcp" } });
  expect(bridge.log.join("")).toContain('tsmcp.lock.json" is not JSON');
});

test("a promised list that the server does not have is empty, and what it has besides is told to the log", async () => {
  const { agent, port, bridge } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.initialize();
  await agent.ask("tools/list");
  await startServer((seen, reply) => {
    if (seen.body.method !== "initialize") return answerTools(seen, reply);
    reply.json({
      protocolVersion: "2025-11-25",
      capabilities: { tools: {}, completions: {} },
      serverInfo: { name: "late", version: "1" },
    });
  }, port);
  await agent.next(isListChange);
  expect(await agent.ask("prompts/list")).toMatchObject({ result: { prompts: [] } });
  expect(bridge.log.join("")).toContain("the server also has completions");
});

test("a server of a lower version than the agent was told is taken as it is", async () => {
  const { agent, port } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.initialize();
  await agent.ask("tools/list");
  const server = await startServer((seen, reply) => {
    if (seen.body.method !== "initialize") return answerTools(seen, reply);
    reply.json(
      { protocolVersion: "2025-03-26", capabilities: { tools: {} }, serverInfo: {} },
      { "mcp-session-id": "s" },
    );
  }, port);
  await agent.next(isListChange);
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["echo"]);
  expect(server.seen.at(-1)?.headers).toMatchObject({ "mcp-protocol-version": "2025-03-26" });
});

test("a server of a higher version than the agent was told is an error that names both", async () => {
  const { agent, port } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.ask("initialize", { protocolVersion: "2025-03-26" });
  agent.send({ method: "notifications/initialized" });
  await startServer(answerTools, port);
  expect(await agent.ask("tools/call", { name: "echo" })).toMatchObject({
    error: { message: expect.stringMatching(/2025-03-26.*2025-11-25/), data: { layer: "mcp" } },
  });
});

test("a proxy in front of a server that is not there yet (502) is waited for like a missing network", async () => {
  let isThere = false;
  const server = await startServer((seen, reply) => (isThere ? answerTools(seen, reply) : reply.status(502)));
  const { agent } = await startAlone({ connectTimeoutMs: 20_000 }, undefined, server.port);
  await agent.initialize();
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["tsmcp_status", "tsmcp_call"]);
  const text = textIn(await agent.ask("tools/call", { name: "tsmcp_status" }));
  expect(text).toContain("HTTP 502");
  isThere = true;
  expect(textIn(await agent.ask("tools/call", { name: "echo" }))).toContain("echo");
});

test("a refusal after an early answer reaches the calls at once, and ends when the server lets the agent in", async () => {
  const { agent, port } = await startAlone({ connectTimeoutMs: 20_000 });
  await agent.initialize();
  let isAllowed = false;
  await startServer((seen, reply) => (isAllowed ? answerTools(seen, reply) : reply.status(401)), port);
  expect(await agent.ask("tools/call", { name: "echo" })).toMatchObject({
    error: { code: -31003, message: expect.stringContaining("credentials") },
  });
  isAllowed = true;
  expect(textIn(await agent.ask("tools/call", { name: "echo" }))).toContain("echo");
});

test("an agent of both eras is led to initialize when the server is away", async () => {
  const { agent } = await startAlone();
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  expect(await agent.ask("server/discover", { _meta })).toMatchObject({ error: { code: -32601 } });
  expect((await agent.initialize()).result).toBeDefined();
});

test("a list in mid-session falls back to what the server said, until it is back", async () => {
  const port = await freePort();
  const first = await startScriptedServer(answerTools, "http", port);
  const patient = { earlyAfterMs: 20_000, answerByMs: 20_000 };
  const { agent } = await startAlone({ ...patient, connectTimeoutMs: 200 }, undefined, port);
  await agent.initialize();
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["echo"]);
  await first[Symbol.asyncDispose]();
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["echo", "tsmcp_status", "tsmcp_call"]);
  await startServer(answerTools, port);
  await agent.next(isListChange);
  expect(namesIn(await agent.ask("tools/list"))).toEqual(["echo"]);
});
