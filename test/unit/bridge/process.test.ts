import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { linesOf } from "../../../src/streams/lines.ts";
import { rawAgent } from "../../fakes/bridge.ts";
import { answerRoutine, type Reply, type Seen, startScriptedServer } from "../../fakes/mcp-server.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const bridgeArgs = (url: string) => ["--import", "tsx", `${root}test/fakes/bridge-process.ts`, url];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(script: (seen: Seen, reply: Reply) => void) {
  const server = await startScriptedServer((seen, reply) => {
    if (!answerRoutine(seen, reply)) script(seen, reply);
  });
  cleanups.push(() => server[Symbol.asyncDispose]());
  return server;
}

function start(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, HOME: temporaryDirectory(), ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  cleanups.push(() => child.kill("SIGKILL"));
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, stdin: child.stdin, stdout: child.stdout, ended };
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "the process deletes its session and exits 0 on %s, though a call is never answered",
  async (signal) => {
    const server = await startServer(() => {});
    const bridge = start(process.execPath, bridgeArgs(server.url));
    const agent = rawAgent(bridge);
    await agent.initialize();
    agent.send({ id: "hangs", method: "tools/call", params: { name: "t" } });
    await server.saw(({ body }) => body.id === "hangs");
    bridge.child.kill(signal);
    expect(await bridge.ended).toBe(0);
    await server.saw(({ httpMethod }) => httpMethod === "DELETE");
  },
);

test("the process ends as ever where its home directory can hold nothing", async () => {
  const server = await startServer((_seen, reply) => reply.json({ tools: [] }));
  const bridge = start(process.execPath, bridgeArgs(server.url), { HOME: "/proc" });
  const agent = rawAgent(bridge);
  await agent.initialize();
  expect(await agent.ask("tools/list")).toHaveProperty("result");
  bridge.stdin.end();
  expect(await bridge.ended).toBe(0);
});

test("the process ends when its parent was killed, though its stdin stays open", async () => {
  const server = await startServer(() => {});
  const words = [process.execPath, ...bridgeArgs(server.url)].map((word) => `'${word}'`).join(" ");
  // A shell that waits: the second command keeps it from replacing itself with the first. The agent's end is descriptor 3,
  // because Node closes a dead child's stdin, and that alone would end the bridge.
  const shell = spawn("/bin/sh", ["-c", `${words} <&3; exit`], {
    cwd: root,
    env: { ...process.env, HOME: temporaryDirectory() },
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  cleanups.push(() => shell.kill("SIGKILL"));
  const { stdout } = shell;
  const stdin = shell.stdio[3];
  if (!(stdin instanceof Writable) || stdout === null) throw new Error("expected pipes");
  const agent = rawAgent({ stdin, stdout });
  await agent.initialize();
  const bridge = childOf(shell);
  shell.kill("SIGKILL");
  await server.saw(({ httpMethod }) => httpMethod === "DELETE");
  await gone(bridge);
  stdin.destroy();
});

test("the process ends when the agent above its wrappers was killed, though they live on and its stdin stays open", async () => {
  const server = await startServer(() => {});
  const words = [process.execPath, ...bridgeArgs(server.url)].map((word) => `"${word}"`).join(" ");
  const wrapped = `sh -c '${words} <&3; exit'; exit`;
  const program = `require("node:child_process").spawn("sh", ["-c", process.argv[1]], { stdio: [0, 1, 2, 3] });`;
  const agent = spawn(process.execPath, ["-e", program, wrapped], {
    cwd: root,
    env: { ...process.env, HOME: temporaryDirectory() },
    stdio: ["pipe", "pipe", "inherit", "pipe"],
  });
  cleanups.push(() => agent.kill("SIGKILL"));
  const stdin = agent.stdio[3];
  if (!(stdin instanceof Writable) || agent.stdout === null) throw new Error("expected pipes");
  const raw = rawAgent({ stdin, stdout: agent.stdout });
  await raw.initialize();
  const outer = childOf(agent);
  const inner = childOf({ pid: outer });
  const bridge = childOf({ pid: inner });
  agent.kill("SIGKILL");
  await server.saw(({ httpMethod }) => httpMethod === "DELETE");
  for (const pid of [bridge, inner, outer]) await gone(pid);
  stdin.destroy();
});

test("a reader that stops holds the bridge up and does not end it, and SIGTERM still does", async () => {
  const text = "x".repeat(200_000);
  const server = await startServer((_seen, reply) => reply.json({ text }));
  const bridge = start(process.execPath, bridgeArgs(server.url));
  const initialized = new Promise((resolve) => bridge.stdout.once("data", resolve));
  const line = (message: object): void =>
    void bridge.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  line({ id: 0, method: "initialize", params: {} });
  await initialized;
  bridge.stdout.pause();
  line({ method: "notifications/initialized" });
  for (let id = 1; id <= 400; id++) line({ id, method: "tools/call", params: { name: "t" } });
  await server.saw(({ body }) => Number(body.id) > 50);
  // 400 answers of 200 kB are 80 MB; what is not read must stay at the server.
  expect(residentBytes(bridge.child.pid)).toBeLessThan(300 * 1024 * 1024);
  bridge.child.kill("SIGTERM");
  expect(await bridge.ended).toBe(0);
});

test("a large answer arrives whole, though the agent closed its end and reads late", async () => {
  const text = "x".repeat(5_000_000);
  const server = await startServer((_seen, reply) => reply.json({ text }));
  const bridge = start(process.execPath, bridgeArgs(server.url));
  const line = (message: object): void =>
    void bridge.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  line({ id: 1, method: "initialize", params: {} });
  line({ method: "notifications/initialized" });
  line({ id: 2, method: "tools/call", params: { name: "t" } });
  let bytes = 0;
  // From here on the whole answer is in the bridge, and the pipe is full.
  for (; bytes <= 1_000; bytes += bridge.stdout.read()?.length ?? 0) await once(bridge.stdout, "readable");
  bridge.stdin.end();
  await server.saw(({ httpMethod }) => httpMethod === "DELETE");
  for await (const chunk of bridge.stdout) bytes += Buffer.byteLength(chunk);
  expect(bytes).toBeGreaterThan(5_000_000);
  expect(await bridge.ended).toBe(0);
});

test("a flood of 100,000 lines that are no messages is answered line by line", async () => {
  const server = await startServer((_seen, reply) => reply.json({}));
  const bridge = start(process.execPath, bridgeArgs(server.url));
  bridge.stdin.write("garbage\n".repeat(100_000));
  bridge.stdin.write('{"jsonrpc":"2.0","id":"last","method":"ping"}\n');
  let refused = 0;
  for await (const line of linesOf(bridge.stdout, 1_000)) {
    const text = line.kind === "line" ? line.bytes.toString() : "";
    if (text.includes('"last"')) break;
    if (text.includes("-32700")) refused += 1;
  }
  expect(refused).toBe(100_000);
  bridge.stdin.end();
  expect(await bridge.ended).toBe(0);
});

function childOf({ pid }: Pick<ChildProcess, "pid">): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
}

async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 10));
}

function residentBytes(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
