import { fileURLToPath } from "node:url";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { expect, onTestFinished, test } from "vitest";
import { startTailscaled } from "../fakes/tailscaled.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { startLoneGateway } from "./gateway-alone.ts";

/** The official server-everything, without the gateway and with it: nothing is lost on the way. */
const everything = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
const address = "100.64.0.7";
const command = { command: process.execPath, args: [everything, "stdio"] };

async function startEverythingBehindGateway(isolation: "session" | "shared"): Promise<URL> {
  const directory = temporaryDirectory();
  const daemon = await startTailscaled(directory);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const upstreams = { everything: { ...command, isolation } };
  const gateway = await startLoneGateway({ directory, socket: daemon.socket, upstreams });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return new URL(`http://127.0.0.1:${gateway.port}${gateway.prefix}/mcp/everything`);
}

const requestInit = { headers: { "x-forwarded-for": address } };

/** A client that has what a server may ask for, and what it was asked and told. */
function clientOfEverything() {
  const seen: string[] = [];
  const client = new Client(
    { name: "test", version: "1" },
    { capabilities: { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } } },
  );
  client.setRequestHandler(CreateMessageRequestSchema, () => {
    seen.push("sampling");
    return { model: "m", role: "assistant", content: { type: "text", text: "sampled" } };
  });
  client.setRequestHandler(ElicitRequestSchema, () => {
    seen.push("elicitation");
    return { action: "decline" };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => {
    seen.push("roots");
    return { roots: [{ uri: "file:///work", name: "work" }] };
  });
  client.setNotificationHandler(LoggingMessageNotificationSchema, () => void seen.push("log"));
  onTestFinished(() => client.close());
  return { client, seen };
}

/** Whatever is asked of the server, and what there is to see of the answers; volatile parts left out. */
async function walk(client: Client): Promise<Record<string, unknown>> {
  const { tools } = await client.listTools();
  const { resources } = await client.listResources();
  const { resourceTemplates } = await client.listResourceTemplates();
  const { prompts } = await client.listPrompts();
  const steps: number[] = [];
  const progressed = await client.callTool(
    { name: "trigger-long-running-operation", arguments: { duration: 1, steps: 3 } },
    undefined,
    { onprogress: ({ progress }) => void steps.push(progress) },
  );
  const [resource] = resources;
  return {
    tools,
    resources,
    resourceTemplates,
    prompts,
    steps,
    progressed,
    instructions: client.getInstructions(),
    echo: await client.callTool({ name: "echo", arguments: { message: "m" } }),
    links: await client.callTool({ name: "get-resource-links", arguments: { count: 2 } }),
    image: await client.callTool({ name: "get-tiny-image", arguments: {} }),
    structured: await client.callTool({ name: "get-structured-content", arguments: { location: "New York" } }),
    sampled: await client.callTool({ name: "trigger-sampling-request", arguments: { prompt: "p", maxTokens: 10 } }),
    elicited: await client.callTool({ name: "trigger-elicitation-request", arguments: {} }),
    read: resource === undefined ? undefined : await client.readResource({ uri: resource.uri }),
    subscribed: resource === undefined ? undefined : await client.subscribeResource({ uri: resource.uri }),
    prompt: await client.getPrompt({ name: "simple-prompt" }),
    completed: await client.complete({
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "E" },
    }),
    level: await client.setLoggingLevel("debug"),
    pinged: await client.ping(),
    failed: await client.callTool({ name: "no-such-tool", arguments: {} }).then(
      (result) => result,
      (error: unknown) => String(error),
    ),
  };
}

test("a v1 client finds everything behind the gateway that it finds without it", async () => {
  const direct = clientOfEverything();
  await direct.client.connect(new StdioClientTransport({ ...command, stderr: "ignore" }));
  const through = clientOfEverything();
  const url = await startEverythingBehindGateway("session");
  const transport = new StreamableHTTPClientTransport(url, { requestInit });
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await Reflect.apply(Reflect.get(through.client, "connect"), through.client, [transport]);
  const expected = await walk(direct.client);
  const found = await walk(through.client);
  // Over stdio the SDK's client may drop the last progress, which comes with the answer.
  expect(found).toEqual({ ...expected, steps: [1, 2, 3] });
  expect(new Set(through.seen)).toEqual(new Set(direct.seen));
  expect(new Set(direct.seen)).toContain("sampling");
});

test("a v2 client lists and calls behind the gateway", async () => {
  const url = await startEverythingBehindGateway("shared");
  const client = new ModernClient({ name: "test", version: "1" });
  onTestFinished(() => client.close());
  await client.connect(new ModernTransport(url, { requestInit }));
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
  expect(await client.callTool({ name: "echo", arguments: { message: "m" } })).toMatchObject({
    content: [{ type: "text", text: "Echo: m" }],
  });
});
