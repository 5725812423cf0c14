import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, onTestFinished, test } from "vitest";
import type { RuleConfig } from "../../../../src/config/config.ts";
import { exposure } from "../../../../src/gateway/exposure/exposure.ts";
import { type Nodes, startWhois } from "../../../fakes/whois.ts";

const secretPath = "/0123456789abcdef0123";
const capability = "example.com/cap/mcp";

function createNotes(): { server: McpServer; calls: string[] } {
  const calls: string[] = [];
  const server = new McpServer(
    { name: "notes", version: "1.0.0" },
    { instructions: "secret words", capabilities: { resources: { subscribe: true } } },
  );
  for (const name of ["echo", "erase"]) {
    server.registerTool(name, {}, () => {
      calls.push(name);
      return { content: [{ type: "text", text: name }] };
    });
  }
  server.registerPrompt("hello", {}, () => ({ messages: [] }));
  for (const uri of ["note:1", "note:2"]) {
    server.registerResource(uri, uri, {}, () => ({ contents: [{ uri, text: uri }] }));
  }
  server.registerResource("all", new ResourceTemplate("other:{id}", { list: undefined }), {}, (uri) => ({
    contents: [{ uri: uri.href, text: "other" }],
  }));
  return { server, calls };
}

async function connected({
  nodes,
  rules,
  listener = "private",
}: {
  nodes: Nodes;
  rules?: RuleConfig[];
  listener?: "private" | "public";
}) {
  const { socket } = await startWhois(nodes);
  const tailnet = exposure({
    socket,
    secretPath,
    name: "notes",
    capability,
    ...(rules === undefined ? {} : { rules }),
  });
  const asked = new Request(`https://n${secretPath}/mcp`, { headers: { "x-forwarded-for": "100.64.0.1" } });
  const seen = await tailnet.see(asked, listener);
  const { server, calls } = createNotes();
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "t", version: "1" });
  await Promise.all([seen.filter(server).connect(ours), client.connect(theirs)]);
  onTestFinished(() => client.close());
  return { server, client, calls };
}

const alice = (rights: readonly object[]): Nodes => ({
  "100.64.0.1": { StableID: "nAlice", login: "alice@example.com", caps: { [capability]: rights } },
});

test("a server shows what the grant names, and nothing else runs", async () => {
  const { client, calls } = await connected({ nodes: alice([{ tools: ["ech*"], resources: ["note:1"] }]) });
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["echo"]);
  expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual(["note:1"]);
  expect((await client.listResourceTemplates()).resourceTemplates).toEqual([]);
  expect((await client.listPrompts()).prompts).toEqual([]);
  await client.callTool({ name: "echo" });
  await expect(client.callTool({ name: "erase" })).rejects.toThrow(/example.com\/cap\/mcp/);
  await expect(client.readResource({ uri: "note:2" })).rejects.toThrow(/not allowed/);
  await expect(client.readResource({ uri: "other:1" })).rejects.toThrow(/not allowed/);
  await expect(client.getPrompt({ name: "hello" })).rejects.toThrow(/not allowed/);
  expect(await client.readResource({ uri: "note:1" })).toMatchObject({ contents: [{ text: "note:1" }] });
  expect(calls).toEqual(["echo"]);
});

test("what a server says by itself reaches only who may see what it is about", async () => {
  const { client, server } = await connected({ nodes: alice([{ resources: ["note:1"] }]) });
  const updated: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
  await server.server.sendResourceUpdated({ uri: "note:2" });
  await server.server.sendResourceUpdated({ uri: "note:1" });
  await client.ping();
  expect(updated).toEqual(["note:1"]);
});

test("rights that are taken away end in a connection that is open", async () => {
  const nodes = alice([{ tools: ["*"] }]);
  const { client, calls } = await connected({ nodes });
  await client.callTool({ name: "echo" });
  delete nodes["100.64.0.1"];
  await expect
    .poll(() => client.callTool({ name: "erase" }).then(() => "ran", String), { timeout: 8_000, interval: 500 })
    .toContain("Method not found");
  expect(calls.filter((name) => name === "echo")).toHaveLength(1);
});

test("who has no right is told what is missing, and learns neither name nor words of the server", async () => {
  const { client, calls } = await connected({ nodes: alice([]), rules: [] });
  expect([client.getServerVersion()?.name, client.getInstructions()]).toEqual(["tsmcp-gateway", undefined]);
  expect((await client.listTools()).tools).toEqual([]);
  await expect(client.callTool({ name: "echo" })).rejects.toThrow(/example.com\/cap\/mcp/);
  expect(calls).toEqual([]);
});

test("a server that is filtered for the internet is never reached", async () => {
  const { client, calls } = await connected({ nodes: alice([{ tools: ["*"] }]), listener: "public" });
  expect([client.getServerVersion()?.name, client.getInstructions()]).toEqual(["tsmcp-public", undefined]);
  expect((await client.listTools()).tools).toEqual([]);
  await expect(client.callTool({ name: "echo" })).rejects.toThrow(/Method not found/);
  expect(calls).toEqual([]);
});

test("the server's questions come to the caller and go back", async () => {
  const { socket } = await startWhois(alice([{ tools: ["*"] }]));
  const tailnet = exposure({ socket, secretPath, capability });
  const asked = new Request(`https://n${secretPath}/mcp`, { headers: { "x-forwarded-for": "100.64.0.1" } });
  const { server } = createNotes();
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "t", version: "1" }, { capabilities: { roots: {} } });
  const { ListRootsRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///x" }] }));
  await Promise.all([(await tailnet.see(asked, "private")).filter(server).connect(ours), client.connect(theirs)]);
  onTestFinished(() => client.close());
  expect(await server.server.listRoots()).toMatchObject({ roots: [{ uri: "file:///x" }] });
});
