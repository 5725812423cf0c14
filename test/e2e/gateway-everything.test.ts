import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../src/net/listening.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { startWhois } from "../fakes/whois.ts";
import { startLoneGateway } from "./gateway-alone.ts";

/** The official server-everything, without the gateway and with it: nothing is lost on the way but what rights take. */
const everything = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
const command = { command: process.execPath, args: [everything, "stdio"] };
const [agent, other] = ["100.64.0.7", "100.64.0.8"];

type Params = Readonly<Record<string, unknown>>;
type Asking = { readonly onProgress?: (step: number) => void; readonly signal?: AbortSignal };

/** One of the SDKs' clients, asked in the words of the wire, and what its server asked and told it. */
interface Asker {
  readonly ask: (method: string, params: Params, asking?: Asking) => Promise<unknown>;
  readonly capabilities: () => unknown;
  readonly instructions: () => string | undefined;
  readonly seen: Set<string>;
}

/** How the gateway reaches the server. */
const ways = ["stdio", "streamableHttp"] as const;

async function startEverythingBehindGateway(way: (typeof ways)[number]): Promise<URL> {
  const directory = temporaryDirectory();
  const { socket } = await startWhois({
    [agent]: { StableID: "nAgent", login: "tagged-devices", tags: ["tag:agent"] },
    [other]: { StableID: "nOther", login: "tagged-devices", tags: ["tag:agent"] },
  });
  const upstreams = {
    everything: way === "stdio" ? { ...command, isolation: "session" as const } : { url: await startEverything() },
  };
  const gateway = await startLoneGateway({ directory, socket, upstreams });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return new URL(`http://127.0.0.1:${gateway.port}${gateway.prefix}/mcp/everything`);
}

/** Returns its URL. */
async function startEverything(): Promise<string> {
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: String(port) };
  const child = spawn(process.execPath, [everything, "streamableHttp"], { env, stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let said = "";
  for await (const chunk of child.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes("listening on port")) break;
  }
  child.stderr.resume();
  return `http://127.0.0.1:${port}/mcp`;
}

const sampled = { model: "m", role: "assistant" as const, content: { type: "text" as const, text: "sampled" } };
const roots = { roots: [{ uri: "file:///work", name: "work" }] };
const capabilities = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };

/** Returns what answers with `answer`, and notes that it was asked. */
function notedIn(seen: Set<string>) {
  return <Answer>(what: string, answer: Answer): Answer => {
    seen.add(what);
    return answer;
  };
}

/** At the server itself, or at `url`. */
async function v1(from?: { readonly url: URL; readonly address: string }): Promise<Asker> {
  const seen = new Set<string>();
  const noted = notedIn(seen);
  const client = new Client({ name: "test", version: "1" }, { capabilities });
  client.setRequestHandler(CreateMessageRequestSchema, () => noted("sampling", sampled));
  client.setRequestHandler(ElicitRequestSchema, () => noted("elicitation", { action: "decline" }));
  client.setRequestHandler(ListRootsRequestSchema, () => noted("roots", roots));
  client.setNotificationHandler(LoggingMessageNotificationSchema, () => void seen.add("log"));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => void seen.add("updated"));
  onTestFinished(() => client.close());
  const transport =
    from === undefined
      ? new StdioClientTransport({ ...command, stderr: "ignore" })
      : new StreamableHTTPClientTransport(from.url, { requestInit: { headers: { "x-forwarded-for": from.address } } });
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await Reflect.apply(Reflect.get(client, "connect"), client, [transport]);
  return {
    ask: (method, params, { onProgress, signal } = {}) =>
      client.request({ method, params }, ResultSchema, {
        ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
        ...(signal === undefined ? {} : { signal }),
      }),
    capabilities: () => client.getServerCapabilities(),
    instructions: () => client.getInstructions(),
    seen,
  };
}

/** Whatever is answered. */
const anything = { "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => ({ value }) } };

async function v2(from?: { readonly url: URL; readonly address: string }): Promise<Asker> {
  const seen = new Set<string>();
  const noted = notedIn(seen);
  const client = new ModernClient({ name: "test", version: "1" }, { capabilities });
  client.setRequestHandler("sampling/createMessage", () => noted("sampling", sampled));
  client.setRequestHandler("elicitation/create", () => noted("elicitation", { action: "decline" as const }));
  client.setRequestHandler("roots/list", () => noted("roots", roots));
  client.setNotificationHandler("notifications/message", () => void seen.add("log"));
  client.setNotificationHandler("notifications/resources/updated", () => void seen.add("updated"));
  onTestFinished(() => client.close());
  const transport =
    from === undefined
      ? new ModernStdio({ ...command, stderr: "ignore" })
      : new ModernTransport(from.url, { requestInit: { headers: { "x-forwarded-for": from.address } } });
  await client.connect(transport);
  return {
    ask: (method, params, { onProgress, signal } = {}) =>
      client.request({ method, params }, anything, {
        ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
        ...(signal === undefined ? {} : { signal }),
      }),
    capabilities: () => client.getServerCapabilities(),
    instructions: () => client.getInstructions(),
    seen,
  };
}

const call = (name: string, args: Params = {}) => ["tools/call", { name, arguments: args }] as const;
const file = "demo://resource/static/document/architecture.md";

/** Every feature of the server whose answer is the same each time. */
const features: Readonly<Record<string, readonly [method: string, params: Params]>> = {
  tools: ["tools/list", {}],
  resources: ["resources/list", {}],
  templates: ["resources/templates/list", {}],
  prompts: ["prompts/list", {}],
  echo: call("echo", { message: "m" }),
  sum: call("get-sum", { a: 1, b: 2 }),
  annotated: call("get-annotated-message", { messageType: "error", includeImage: true }),
  links: call("get-resource-links", { count: 2 }),
  embedded: call("get-resource-reference", { resourceType: "Blob", resourceId: 1 }),
  image: call("get-tiny-image"),
  structured: call("get-structured-content", { location: "New York" }),
  sampling: call("trigger-sampling-request", { prompt: "p", maxTokens: 10 }),
  elicitation: call("trigger-elicitation-request"),
  roots: call("get-roots-list"),
  read: ["resources/read", { uri: file }],
  "read of a template": ["resources/read", { uri: "demo://resource/dynamic/text/1" }],
  "read of nothing": ["resources/read", { uri: "demo://resource/none" }],
  subscription: ["resources/subscribe", { uri: file }],
  update: call("toggle-subscriber-updates"),
  "end of updates": call("toggle-subscriber-updates"),
  "end of the subscription": ["resources/unsubscribe", { uri: file }],
  "simple prompt": ["prompts/get", { name: "simple-prompt" }],
  "prompt with arguments": ["prompts/get", { name: "args-prompt", arguments: { city: "Rome", state: "Lazio" } }],
  "prompt with a resource": [
    "prompts/get",
    { name: "resource-prompt", arguments: { resourceType: "Text", resourceId: "1" } },
  ],
  "prompt completion": [
    "completion/complete",
    { ref: { type: "ref/prompt", name: "completable-prompt" }, argument: { name: "department", value: "E" } },
  ],
  "template completion": [
    "completion/complete",
    {
      ref: { type: "ref/resource", uri: "demo://resource/dynamic/text/{resourceId}" },
      argument: { name: "resourceId", value: "1" },
    },
  ],
  level: ["logging/setLevel", { level: "debug" }],
  ping: ["ping", {}],
  "no such tool": call("no-such-tool"),
  "wrong arguments": call("get-sum", { a: "one" }),
};

/** Returns what each feature gives; the times that the server writes into some are left out. */
async function walk({ ask, instructions, capabilities: can }: Asker): Promise<Readonly<Record<string, unknown>>> {
  const found: Record<string, unknown> = { instructions: instructions(), capabilities: can() };
  for (const [feature, [method, params]] of Object.entries(features)) {
    const answer = await ask(method, params).catch((error: unknown) => String(error));
    const text = JSON.stringify(answer).replaceAll(/(?<="blob":")[^"]*/g, (blob) => atob(blob));
    const timeless = text.replaceAll(/created at [\d:]+( [AP]M)?/g, "created");
    // Over stdio it has no name for the session.
    found[feature] = JSON.parse(timeless.replaceAll(/for session (undefined|[\da-f-]{36})/g, "for the session"));
  }
  return found;
}

const clients = [
  { sdk: "v1", connect: v1 },
  { sdk: "v2", connect: v2 },
];
const combinations = clients.flatMap((client) => ways.map((way) => ({ ...client, way })));

test.each(combinations)(
  "a $sdk client finds everything behind the gateway over $way that it finds without it",
  async ({ connect, way }) => {
    const url = await startEverythingBehindGateway(way);
    const [direct, through] = [await connect(), await connect({ url, address: agent })];
    const [expected, found] = [await walk(direct), await walk(through)];
    // A list of tasks would be everybody's.
    const { tasks, ...others } = expected.capabilities as { tasks: Params };
    const { list: _list, ...kept } = tasks;
    expect(found).toEqual({ ...expected, capabilities: { ...others, tasks: kept } });
    // What the server says on its own stream may come behind what it answered later.
    const all = new Set(["sampling", "elicitation", "roots", "log", "updated"]);
    for (const { seen } of [direct, through]) await expect.poll(() => seen, { timeout: 20_000 }).toEqual(all);
  },
);

test.each(combinations)(
  "a $sdk client sees progress over $way, and is not answered what it cancelled",
  async ({ connect, way }) => {
    const url = await startEverythingBehindGateway(way);
    const { ask } = await connect({ url, address: agent });
    const steps: number[] = [];
    await ask(...call("trigger-long-running-operation", { duration: 1, steps: 3 }), {
      onProgress: (step) => steps.push(step),
    });
    expect(steps).toEqual([1, 2, 3]);
    const stop = new AbortController();
    const onProgress = (): void => stop.abort("not wanted any more");
    const operation = call("trigger-long-running-operation", { duration: 60, steps: 600 });
    await expect(ask(...operation, { signal: stop.signal, onProgress })).rejects.toThrow(/not wanted any more/);
    expect(await ask(...call("echo", { message: "still there" }))).toMatchObject({
      content: [{ text: "Echo: still there" }],
    });
  },
);

test.each(ways)(
  "over %s a task is its caller's alone, from its beginning to its result, and nobody's list shows it",
  async (way) => {
    const url = await startEverythingBehindGateway(way);
    const [mine, theirs] = [await v1({ url, address: agent }), await v1({ url, address: other })];
    const begin = async (): Promise<string> => {
      const params = {
        name: "simulate-research-query",
        arguments: { topic: "x", ambiguous: true },
        task: { ttl: 60_000 },
      };
      const { task } = (await mine.ask("tools/call", params)) as { task: { taskId: string; status: string } };
      expect(task.status).toBe("working");
      return task.taskId;
    };
    const [taskId, dropped] = [await begin(), await begin()];
    expect(await mine.ask("tasks/get", { taskId })).toMatchObject({ taskId, status: "working" });
    for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
      await expect(theirs.ask(method, { taskId })).rejects.toThrow(/-32602/);
      await expect(mine.ask(method, { taskId: "made-up" })).rejects.toThrow(/-32602/);
    }
    await expect(mine.ask("tasks/list", {})).rejects.toThrow(/-32601/);
    expect(await mine.ask("tasks/cancel", { taskId: dropped })).toMatchObject({ taskId: dropped, status: "cancelled" });
    // It asks in the middle, and its question is the caller's own too.
    const result = await mine.ask("tasks/result", { taskId });
    expect(result).toMatchObject({
      content: [{ type: "text" }],
      _meta: { "io.modelcontextprotocol/related-task": { taskId } },
    });
    expect(mine.seen).toContain("elicitation");
    expect(theirs.seen).not.toContain("elicitation");
    expect(await mine.ask("tasks/get", { taskId })).toMatchObject({ taskId, status: "completed" });
  },
);
