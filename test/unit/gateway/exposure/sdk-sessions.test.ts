import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ListToolsRequestSchema, ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer as ModernServer } from "@modelcontextprotocol/server";
import { expect, onTestFinished, test } from "vitest";
import { type Exposure, exposure } from "../../../../src/gateway/exposure/exposure.ts";
import type { Seen, TailnetSeen } from "../../../../src/gateway/exposure/seen.ts";
import { listen } from "../../../fakes/listening.ts";
import { startWhois } from "../../../fakes/whois.ts";

const secretPath = "/0123456789abcdef0123";
const addresses = { alice: "100.64.0.1", bob: "100.64.0.2" };
const nodes = {
  [addresses.alice]: { StableID: "nAlice", login: "alice@example.com" },
  [addresses.bob]: { StableID: "nBob", login: "bob@example.com" },
};
const rules = [
  { who: ["alice@example.com"], tools: ["a*"] },
  { who: ["bob@example.com"], tools: ["b*"] },
];

async function startServer(handlerOf: (tailnet: Exposure) => RequestListener): Promise<URL> {
  const { socket } = await startWhois(nodes);
  const server = createServer(handlerOf(exposure({ socket, secretPath, rules })));
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${port}${secretPath}/mcp`);
}

const as = (who: keyof typeof addresses) => ({ requestInit: { headers: { "x-forwarded-for": addresses[who] } } });

async function connect(url: URL, who: keyof typeof addresses): Promise<Client> {
  const client = new Client({ name: "t", version: "1" });
  // The SDK's own types do not hold under exactOptionalPropertyTypes.
  const transport: { sessionId?: string | undefined } = new StreamableHTTPClientTransport(url, as(who));
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  onTestFinished(() => client.close());
  return client;
}

const said = (text: string) => ({ content: [{ type: "text" as const, text }] });
const namesOf = ({ tools }: { tools: readonly { name: string }[] }): string[] => tools.map(({ name }) => name);

/** A server with a session for each client, as the SDK's own examples keep them. */
function sessionServer(
  made: McpServer[],
  configure: (server: McpServer) => void,
): (tailnet: Exposure) => RequestListener {
  const sessions = new Map<string, { transport: StreamableHTTPServerTransport; owner: TailnetSeen }>();
  const transportFor = async (seen: TailnetSeen): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, { transport, owner: seen }),
    });
    const server = new McpServer({ name: "notes", version: "1" }, { capabilities: { tools: { listChanged: true } } });
    configure(server);
    made.push(server);
    await seen.filter(server).connect(transport);
    return transport;
  };
  const found = (id: string, seen: Seen) => {
    const session = sessions.get(id);
    return session?.owner.isSameCallerAs(seen) === true ? session.transport : undefined;
  };
  return (tailnet) => async (request, response) => {
    const seen = await tailnet.see(request, "private");
    if (seen.view === "public") return seen.answer(request, response);
    const id = request.headers["mcp-session-id"];
    const transport = typeof id === "string" ? found(id, seen) : await transportFor(seen);
    if (transport === undefined) return void response.writeHead(404).end();
    await transport.handleRequest(request, response);
  };
}

function withTools(server: McpServer): void {
  for (const name of ["a1", "b1"]) server.registerTool(name, {}, () => said(name));
}

test("sessions of several callers each keep their own view, also of a tool that comes while they last", async () => {
  const made: McpServer[] = [];
  const url = await startServer(sessionServer(made, withTools));
  const [alice, bob] = [await connect(url, "alice"), await connect(url, "bob")];
  const changes: string[] = [];
  alice.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes.push("alice"));
  bob.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes.push("bob"));
  expect([namesOf(await alice.listTools()), namesOf(await bob.listTools())]).toEqual([["a1"], ["b1"]]);
  await expect
    .poll(() => {
      if (changes.length < 2) for (const server of made) server.sendToolListChanged();
      return new Set(changes);
    })
    .toEqual(new Set(["alice", "bob"]));
  for (const server of made) server.registerTool("a2", {}, () => said("a2"));
  expect([namesOf(await alice.listTools()), namesOf(await bob.listTools())]).toEqual([["a1", "a2"], ["b1"]]);
  expect(await alice.callTool({ name: "a2" })).toMatchObject(said("a2"));
  await expect(bob.callTool({ name: "a2" })).rejects.toThrow("not allowed");
});

test("a list of 5,000 tools comes in its pages, each cut to the rights, and its cursor is nobody else's", async () => {
  const tools = Array.from({ length: 5_000 }, (_, at) => ({
    name: `${at % 2 === 0 ? "a" : "b"}${at}`,
    inputSchema: { type: "object" as const },
  }));
  const paged = (server: McpServer): void => {
    server.server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
      const from = Number(params?.cursor ?? 0);
      const next = from + 500;
      return { tools: tools.slice(from, next), ...(next < tools.length ? { nextCursor: String(next) } : {}) };
    });
  };
  const url = await startServer(sessionServer([], paged));
  const [alice, bob] = [await connect(url, "alice"), await connect(url, "bob")];
  const names: string[] = [];
  const cursors: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await alice.listTools(cursor === "" ? {} : { cursor });
    names.push(...namesOf(page));
    cursor = page.nextCursor;
    if (cursor !== undefined) cursors.push(cursor);
  }
  expect(names).toEqual(tools.map(({ name }) => name).filter((name) => name.startsWith("a")));
  expect(cursors).toHaveLength(9);
  for (const cursor of [cursors[0] ?? "", "500"]) await expect(bob.listTools({ cursor })).rejects.toThrow();
});

test("a call that its caller gives up is cancelled at the server, whose next calls are answered", async () => {
  const given: AbortSignal[] = [];
  const slow = (server: McpServer): void => {
    server.registerTool("a-slow", {}, ({ signal }) => {
      given.push(signal);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(said("late"))));
    });
    server.registerTool("a1", {}, () => said("a1"));
  };
  const url = await startServer(sessionServer([], slow));
  const alice = await connect(url, "alice");
  const gone = new AbortController();
  const call = alice.callTool({ name: "a-slow" }, undefined, { signal: gone.signal });
  await expect.poll(() => given.length).toBe(1);
  gone.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(() => given[0]?.aborted).toBe(true);
  expect(await alice.callTool({ name: "a1" })).toMatchObject(said("a1"));
});

test.each(["legacy", "auto"] as const)(
  "a server of the SDK v2 shows each caller its own view, in the mode %s",
  async (mode) => {
    const url = await startServer((tailnet) => async (request, response) => {
      const seen = await tailnet.see(request, "private");
      if (seen.view === "public") return seen.answer(request, response);
      const create = (): ModernServer => {
        const server = new ModernServer({ name: "notes", version: "1" });
        for (const name of ["a1", "b1"]) server.registerTool(name, {}, () => said(name));
        return seen.filter(server);
      };
      return Reflect.apply(toNodeHandler(createMcpHandler(create)), undefined, [request, response]);
    });
    const sees = async (who: keyof typeof addresses) => {
      const client = new ModernClient({ name: "t", version: "1" }, { versionNegotiation: { mode } });
      await client.connect(new ModernTransport(url, as(who)));
      onTestFinished(() => client.close());
      return { client, names: namesOf(await client.listTools()) };
    };
    const [alice, bob] = [await sees("alice"), await sees("bob")];
    expect([alice.names, bob.names]).toEqual([["a1"], ["b1"]]);
    expect(alice.client.getProtocolEra()).toBe(mode === "auto" ? "modern" : "legacy");
    expect(await alice.client.callTool({ name: "a1" })).toMatchObject(said("a1"));
    await expect(alice.client.callTool({ name: "b1" })).rejects.toThrow("not allowed");
  },
);
