import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { McpServer as ServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createMcpHandler, McpServer as ServerV2 } from "@modelcontextprotocol/server";
import { afterEach, expect, test } from "vitest";
import { listen } from "../../fakes/listening.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const root = fileURLToPath(new URL("../../..", import.meta.url));
const command = (url: string) => ({
  command: process.execPath,
  args: ["--import", "tsx", `${root}test/fakes/bridge-process.ts`, url],
  cwd: root,
  env: { PATH: process.env.PATH ?? "", HOME: temporaryDirectory() },
  stderr: "inherit" as const,
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((request, response) => void handle(request, response));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await listen(server)}/mcp`;
}

/** The v1 server, with sessions; `open` is how many it has. */
async function startV1(): Promise<{ url: string; open: () => number }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const url = await serve(async (request, response) => {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    if (known !== undefined) return known.handleRequest(request, response);
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (session) => void sessions.set(session, transport),
      onsessionclosed: (session) => void sessions.delete(session),
    });
    const server = new ServerV1({ name: "v1", version: "1" });
    server.registerTool("echo", { description: "says nothing new" }, async (extra) => {
      await server.server.sendLoggingMessage({ level: "info", data: "working" }, extra.sessionId);
      return { content: [{ type: "text", text: "echo" }] };
    });
    // The SDK's own types disagree under exactOptionalPropertyTypes.
    await server.connect(Object.assign(transport, { onclose: () => {}, onerror: () => {} }));
    return transport.handleRequest(request, response);
  });
  return { url, open: () => sessions.size };
}

/** The v2 server, of both eras. */
async function startV2(): Promise<{ url: string; open: () => number }> {
  const handler = createMcpHandler(() => {
    const server = new ServerV2({ name: "v2", version: "1" });
    server.registerTool("echo", { description: "says nothing new" }, () => ({
      content: [{ type: "text", text: "echo" }],
    }));
    return server;
  });
  // The adapter's types and Node's disagree under exactOptionalPropertyTypes.
  const handle = toNodeHandler(handler);
  return {
    url: await serve((request, response) => Reflect.apply(handle, undefined, [request, response])),
    open: () => 0,
  };
}

const servers = { v1: startV1, v2: startV2 } as const;

test.each(["v1", "v2"] as const)(
  "the official v1 client lists and calls a tool of the official %s server",
  async (version) => {
    const { url, open } = await servers[version]();
    const client = new ClientV1({ name: "agent", version: "1" });
    await client.connect(new StdioV1(command(url)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["echo"]);
    expect(await client.callTool({ name: "echo" })).toMatchObject({ content: [{ type: "text", text: "echo" }] });
    expect(client.getServerVersion()?.name).toBe(version);
    await client.close();
    expect(open()).toBe(0);
  },
  20_000,
);

test.each([
  ["v1", "legacy"],
  ["v1", "auto"],
  ["v2", "legacy"],
  ["v2", "auto"],
] as const)(
  "the official v2 client lists and calls a tool of the official %s server in the mode %s",
  async (version, mode) => {
    const { url, open } = await servers[version]();
    const client = new ClientV2({ name: "agent", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(new StdioV2(command(url)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["echo"]);
    expect(await client.callTool({ name: "echo" })).toMatchObject({ content: [{ type: "text", text: "echo" }] });
    expect(client.getServerVersion()?.name).toBe(version);
    await client.close();
    expect(open()).toBe(0);
  },
  20_000,
);
