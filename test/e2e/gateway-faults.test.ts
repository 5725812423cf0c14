import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { GatewayConfig } from "../../src/config/config.ts";
import { startScriptedServer } from "../fakes/mcp-server.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { type Nodes, startWhois } from "../fakes/whois.ts";
import { until } from "../tailnet/harness/until.ts";
import type { GatewayJson } from "./gateway-process.ts";
import { processesNaming, startTsmcp, textOf } from "./tsmcp.ts";

/** Two hundred callers with a session each, and what is left of it all when something is killed in the middle. */
const callers = Array.from({ length: 200 }, (_, index) => ({ index, address: `100.64.1.${index}` }));

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));

async function startWorld(upstream: NonNullable<GatewayConfig["upstreams"]>[string]) {
  const home = temporaryDirectory();
  const nodes: Nodes = Object.fromEntries(
    callers.map(({ index, address }) => [address, { StableID: `n${index}`, login: `u${index}@example.com` }]),
  );
  const whois = await startWhois(nodes);
  const { socket } = whois;
  const configFile = join(home, "c.json");
  const listen = { private: `unix:${home}/p`, public: `unix:${home}/q`, admin: `unix:${home}/a` };
  writeFileSync(configFile, JSON.stringify({ gateway: { listen, upstreams: { notes: upstream } } }), { mode: 0o600 });
  const start = async () => {
    const args = ["gateway", "--json", "--config", configFile, "--socket", socket];
    const env = { PATH: process.env.PATH ?? "", HOME: home };
    const running = startTsmcp(args, { env, workspace: home });
    let out = "";
    running.child.stdout?.on("data", (text: string) => {
      out += text;
    });
    const json = await until({ what: "the gateway to listen" }, async () =>
      out.endsWith("}\n") ? (JSON.parse(out) as GatewayJson) : undefined,
    );
    onTestFinished(async () => {
      running.child.kill("SIGTERM");
      await running.outcome;
    });
    return { ...running, json };
  };
  return { home, start, whois, socketPath: `${home}/p` };
}

interface Caller {
  readonly address: string;
  readonly session?: string;
}

type Answered = { readonly status: number; readonly session: string | undefined; readonly text: string } | "cut";

function post(socketPath: string, { address, session }: Caller, message: object): Promise<Answered> {
  return new Promise((resolve) => {
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "x-forwarded-for": address,
      ...(session === undefined ? {} : { "mcp-session-id": session }),
    };
    const outgoing = request({ socketPath, method: "POST", path: "/mcp/notes", headers, agent: false });
    outgoing.on("error", () => resolve("cut"));
    outgoing.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response
        .on("error", () => {})
        .on("close", () => {
          const id = response.headers["mcp-session-id"];
          resolve(
            response.complete
              ? { status: response.statusCode ?? 0, session: typeof id === "string" ? id : undefined, text }
              : "cut",
          );
        });
    });
    outgoing.end(JSON.stringify({ jsonrpc: "2.0", ...message }));
  });
}

const clientInfo = { name: "t", version: "1" };

/** So many at once: tailscaled's stand-in lives in this process, and must find time to say who calls. */
const atOnce = 40;

async function inTurns<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += atOnce) {
    results.push(...(await Promise.all(items.slice(from, from + atOnce).map(work))));
  }
  return results;
}

type Opened = Caller & { readonly index: number; readonly session: string };

function openAll(socketPath: string): Promise<Opened[]> {
  return inTurns(callers, async (caller) => {
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const answer = await post(socketPath, caller, { id: 1, method: "initialize", params });
    if (answer === "cut" || answer.session === undefined) throw new Error(`no session: ${JSON.stringify(answer)}`);
    await post(socketPath, { ...caller, session: answer.session }, { method: "notifications/initialized" });
    return { ...caller, session: answer.session };
  });
}

/** Everybody makes a call that is held; returns the answers to come once all have arrived. */
async function holdAll(
  socketPath: string,
  { open, arrived }: { readonly open: readonly Opened[]; readonly arrived: () => number },
): Promise<Promise<Answered>[]> {
  const held: Promise<Answered>[] = [];
  let early: Answered | undefined;
  while (held.length < open.length) {
    for (const caller of open.slice(held.length, held.length + atOnce)) {
      const args = { key: `k${caller.index}`, mark: `held ${caller.index}` };
      const answer = call(socketPath, caller, "hold", args);
      void answer.then((value) => {
        early ??= value;
      });
      held.push(answer);
    }
    const alive = (): void => {
      if (early !== undefined) throw new Error(`a call that was to be held is answered: ${JSON.stringify(early)}`);
    };
    await until({ what: "every call to arrive", alive }, async () => arrived() === held.length || undefined);
  }
  return held;
}

function call(socketPath: string, caller: Caller, name: string, args: object): Promise<Answered> {
  return post(socketPath, caller, { id: 7, method: "tools/call", params: { name, arguments: args } });
}

/** Everybody echoes a text of their own, and must get exactly that. */
async function everybodyEchoes(socketPath: string, open: readonly (Caller & { index: number })[]): Promise<void> {
  const answers = await inTurns(open, (caller) => call(socketPath, caller, "echo", { text: `mine ${caller.index}` }));
  const texts = answers.map((answer) =>
    answer === "cut" ? answer : JSON.parse(answer.text).result?.content?.[0]?.text,
  );
  expect(texts).toEqual(open.map(({ index }) => `mine ${index}`));
}

function linesOf(path: string, prefix: string): string[] {
  return textOf(path)
    .split("\n")
    .filter((line) => line.startsWith(prefix));
}

test("a child that is killed costs its calls in flight and nothing else", async () => {
  const marks = join(temporaryDirectory(), "marks");
  const { start, socketPath } = await startWorld({ command: process.execPath, args: [program, "legacy", marks] });
  const gateway = await start();
  const open = await openAll(socketPath);
  const held = await holdAll(socketPath, { open, arrived: () => linesOf(marks, "held").length });
  const [started = ""] = linesOf(marks, "start");
  process.kill(Number(started.split(" ")[1]), "SIGKILL");
  for (const answer of await Promise.all(held)) {
    expect(answer === "cut" ? answer : JSON.parse(answer.text).error?.code).toEqual(expect.any(Number));
  }
  await everybodyEchoes(socketPath, open);
  expect(new Set(linesOf(marks, "held")).size).toBe(linesOf(marks, "held").length);
  expect(linesOf(marks, "start")).toHaveLength(2);
  gateway.child.kill("SIGTERM");
  expect((await gateway.outcome).exitCode).toBe(0);
  expect(processesNaming(marks)).toEqual([]);
});

test("a tailscaled that is killed costs no session, shows nobody another's answer and runs no call twice", async () => {
  const marks = join(temporaryDirectory(), "marks");
  const { start, whois, socketPath } = await startWorld({
    command: process.execPath,
    args: [program, "legacy", marks],
  });
  await start();
  const open = await openAll(socketPath);
  const held = await holdAll(socketPath, { open, arrived: () => linesOf(marks, "held").length });
  await whois.stop();
  const [first] = open;
  if (first === undefined) throw new Error("nobody calls");
  const ping = () => post(socketPath, first, { id: 8, method: "ping" });
  await until({ what: "nobody to be known any more" }, async () => {
    const answer = await ping();
    return (answer !== "cut" && answer.status === 503) || undefined;
  });
  await whois.startAgain();
  await until({ what: "callers to be known again" }, async () => {
    const answer = await ping();
    return (answer !== "cut" && answer.status === 200) || undefined;
  });
  const keys = open.map(({ index }) => `k${index}`);
  await inTurns(open, (caller) => call(socketPath, caller, "release", { key: `k${caller.index}` }));
  const texts = (await Promise.all(held)).map((answer) =>
    answer === "cut" ? answer : JSON.parse(answer.text).result?.content?.[0]?.text,
  );
  expect(texts).toEqual(keys.map((key) => `released ${key}`));
  await everybodyEchoes(socketPath, open);
  expect(linesOf(marks, "held")).toHaveLength(open.length);
  expect(linesOf(marks, "start")).toHaveLength(1);
});

test("a gateway that is killed leaves no child, and its sessions go on with the next one", async () => {
  const marks = join(temporaryDirectory(), "marks");
  const { start, socketPath } = await startWorld({ command: process.execPath, args: [program, "legacy", marks] });
  const first = await start();
  const open = await openAll(socketPath);
  const held = await holdAll(socketPath, { open, arrived: () => linesOf(marks, "held").length });
  first.child.kill("SIGKILL");
  expect(new Set(await Promise.all(held))).toEqual(new Set(["cut"]));
  await until({ what: "the child to end" }, async () => processesNaming(marks).length === 0 || undefined);
  await start();
  await everybodyEchoes(socketPath, open);
  expect(linesOf(marks, "held")).toHaveLength(open.length);
});

/** A server over HTTP that keeps sessions, holds the calls that say so, and counts. */
async function startHttpServer(port?: number) {
  const sessions = new Set<string>();
  const held: (() => void)[] = [];
  const count = { initialize: 0, hold: 0 };
  const server = await startScriptedServer(
    ({ httpMethod, headers, body }, reply) => {
      const { id, method, params = {} } = body as { id?: number; method?: string; params?: Record<string, unknown> };
      if (httpMethod !== "POST") return reply.status(405);
      if (method === "initialize") {
        count.initialize += 1;
        const session = `s${count.initialize}-${Math.random()}`;
        sessions.add(session);
        const serverInfo = { name: "http", version: "1" };
        const result = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo };
        return reply.json(result, { "mcp-session-id": session });
      }
      if (!sessions.has(String(headers["mcp-session-id"]))) return reply.status(404);
      if (id === undefined) return reply.status(202);
      const { name, arguments: args } = params as { name: string; arguments: { text?: string } };
      const answer = (): void => reply.json({ content: [{ type: "text", text: args.text ?? "" }] });
      if (name !== "hold") return answer();
      count.hold += 1;
      held.push(answer);
    },
    "http",
    port,
  );
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { server, count };
}

test("a gateway that is killed loses no session of a server over HTTP", async () => {
  const { server, count } = await startHttpServer();
  const { start, socketPath } = await startWorld({ url: server.url });
  const first = await start();
  const open = await openAll(socketPath);
  const held = await holdAll(socketPath, { open, arrived: () => count.hold });
  first.child.kill("SIGKILL");
  expect(new Set(await Promise.all(held))).toEqual(new Set(["cut"]));
  await start();
  await everybodyEchoes(socketPath, open);
  expect(count).toEqual({ initialize: open.length, hold: open.length });
});

test("a server over HTTP that comes back without its sessions gets them made again unseen", async () => {
  const { server, count } = await startHttpServer();
  const { start, socketPath } = await startWorld({ url: server.url });
  await start();
  const open = await openAll(socketPath);
  const held = await holdAll(socketPath, { open, arrived: () => count.hold });
  await server[Symbol.asyncDispose]();
  for (const answer of await Promise.all(held)) {
    expect(answer === "cut" ? answer : JSON.parse(answer.text).error?.code).toEqual(expect.any(Number));
  }
  const next = await startHttpServer(server.port);
  await everybodyEchoes(socketPath, open);
  expect(next.count).toEqual({ initialize: open.length, hold: 0 });
});

test("nothing of a server's HTTP comes to its callers, and nothing of theirs to it", async () => {
  const headers = {
    ...{
      "set-cookie": "a=b",
      location: "/x",
      "www-authenticate": "Bearer realm=x",
      "access-control-allow-origin": "*",
    },
    ...{ "x-own": "1", "mcp-session-id": "inner" },
  };
  const server = await startScriptedServer(({ body }, reply) => {
    const { id, method } = body as { id?: number; method?: string };
    const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "x", version: "1" } };
    if (id === undefined) return reply.status(202);
    if (method === "initialize") return reply.json(result, headers);
    if (method === "ping") return reply.json({}, headers);
    const stream = reply.stream(headers);
    stream.event({ method: "notifications/message", params: { level: "info", data: "x" } });
    stream.event({ id, result: { tools: [] } });
    stream.end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { start, socketPath } = await startWorld({ url: server.url });
  await start();
  const [caller] = await openAll(socketPath);
  if (caller === undefined) throw new Error("nobody calls");
  const told = new Set<string>();
  for (const [path, method] of [
    ["/mcp/notes", "initialize"],
    ["/mcp/notes", "ping"],
    ["/mcp/notes", "tools/list"],
  ] as const) {
    const params =
      method === "initialize" ? { protocolVersion: "2025-11-25", capabilities: {}, clientInfo } : undefined;
    const answer = await headersOf(socketPath, path, {
      address: caller.address,
      session: method === "initialize" ? undefined : caller.session,
      message: { id: 1, method, params },
    });
    for (const name of Object.keys(answer)) told.add(name);
    expect(answer["mcp-session-id"]).not.toBe("inner");
  }
  const own = ["cache-control", "connection", "content-length", "content-type", "date", "keep-alive", "mcp-session-id"];
  expect([...told].filter((name) => ![...own, "transfer-encoding", "x-accel-buffering"].includes(name))).toEqual([]);
  const methods = server.seen.map(({ body }) => body.method);
  expect(methods.filter((method) => method === "ping" || method === "tools/list")).toEqual(["ping", "tools/list"]);
  const reached = new Set(server.seen.flatMap((seen) => Object.keys(seen.headers)));
  expect([...reached].filter((name) => /^(x-|tailscale|cookie|origin|authorization|forwarded)/.test(name))).toEqual([]);
});

/** Returns the head of an answer to a request with everything that must not get through. */
function headersOf(
  socketPath: string,
  path: string,
  { address, session, message }: { address: string; session: string | undefined; message: object },
): Promise<Record<string, unknown>> {
  const headers = {
    ...{ "content-type": "application/json", accept: "application/json, text/event-stream" },
    ...{ "x-forwarded-for": address, "x-forwarded-host": "evil", "x-real-ip": "1.2.3.4", forwarded: "for=1.2.3.4" },
    ...{ authorization: "Bearer theirs-12345678", cookie: "a=b", origin: "http://localhost", host: "localhost" },
    ...{
      "tailscale-user-name": "x",
      "tailscale-app-capabilities": "{}",
      "x-tailscale-user": "x",
      tailscale_user_login: "x",
    },
    ...(session === undefined ? {} : { "mcp-session-id": session }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method: "POST", path, headers, agent: false }).on("error", reject);
    outgoing.on("response", (response) => {
      response.resume().on("close", () => resolve(response.headers));
    });
    outgoing.end(JSON.stringify({ jsonrpc: "2.0", ...message }));
  });
}

test("a message larger than 32 MiB is answered with an error that names its request, and life goes on", async () => {
  const { start, socketPath } = await startWorld({ command: process.execPath, args: [program, "legacy"] });
  await start();
  const open = await openAll(socketPath);
  const [caller] = open;
  if (caller === undefined) throw new Error("nobody calls");
  const answer = await call(socketPath, caller, "echo", { text: "x".repeat(33 * 1024 * 1024) });
  expect(answer).toMatchObject({ status: 413 });
  expect(answer === "cut" ? answer : JSON.parse(answer.text)).toMatchObject({ id: 7, error: { code: -32600 } });
  await everybodyEchoes(socketPath, open);
});
