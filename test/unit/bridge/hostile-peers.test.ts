import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it, type TestContext } from "vitest";
import type { BridgeOptions } from "../../../src/bridge/options.ts";

import { certificate } from "../../fakes/certificate.ts";
import { answerRoutine, startScriptedServer } from "../../fakes/mcp-server.ts";
import { countingAgent } from "../../peers/counting-agent.ts";
import { hostileAnswers } from "../../peers/hostile-answers.ts";
import { hostileStreams, startHostileHttp2 } from "../../peers/hostile-http2.ts";
import { hostileProxies, startTurncoat } from "../../peers/hostile-proxies.ts";
import { startHostileServer } from "../../peers/hostile-server.ts";

const entry = fileURLToPath(new URL("../../peers/bridge-process.ts", import.meta.url));

const rolldown = fileURLToPath(new URL("../../../node_modules/rolldown/bin/cli.mjs", import.meta.url));

/** Of what the peers do, nothing may take longer than the limits below, twice over, on a busy machine. */
const boundMs = 30_000;
const limits = { callTimeoutMs: 5_000, connectTimeoutMs: 2_000, maxMessageBytes: 1_000_000 };

/** Many times the largest message: what is read and dropped lies about until the collector comes. */
const maxGrowthKiB = 96 * 1024;

/** Left alone, V8 gives what is new 32 MB in Node.js 20 and 128 in 24 before it looks what of it is garbage. */
const collectSooner = "--max-semi-space-size=8";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tsmcp-hostile-"));
  writeFileSync(join(directory, "ca.pem"), certificate);
  // Bundled once, because the transpiler would take longer to start than the bridge, seventy times.
  const file = join(directory, "bridge.mjs");
  execFileSync(process.execPath, [rolldown, entry, "--platform", "node", "--no-codeSplitting", "--file", file], {
    stdio: "ignore",
  });
});

afterAll(() => rmSync(directory, { recursive: true }));

function startBridge(options: BridgeOptions, { onTestFinished }: TestContext) {
  const program = [collectSooner, join(directory, "bridge.mjs"), JSON.stringify({ ...limits, ...options })];
  const child = spawn(process.execPath, program, {
    env: { HOME: directory, NODE_EXTRA_CA_CERTS: join(directory, "ca.pem") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    agent: countingAgent(child),
    /** The most memory it ever had. */
    peakKiB: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]),
    async end() {
      child.stdin.end();
      return within(ended, "the end");
    },
  };
}

type Bridge = ReturnType<typeof startBridge>;

const callEvil = ({ agent }: Bridge) => within(agent.ask("tools/call", { name: "evil" }), "the evil call's answer");
const callGood = ({ agent }: Bridge) => within(agent.ask("tools/call", { name: "good" }), "the good call's answer");
const good = { result: { content: [{ text: "good" }] } };

/** Rejects when the bridge is silent. */
async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const limit = new AbortController();
  const late = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not come within ${boundMs} ms`)), boundMs);
    limit.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  return Promise.race([work, late]).finally(() => limit.abort());
}

describe("the bridge goes on when a server", { timeout: 60_000 }, () => {
  it.concurrent.for(hostileAnswers)(
    "$name",
    async ({ does, ends, calls = 1, callTimeoutMs = limits.callTimeoutMs }, test) => {
      const { expect, onTestFinished } = test;
      const server = await startHostileServer(does);
      onTestFinished(() => server[Symbol.asyncDispose]());
      const bridge = startBridge({ urls: [server.url], callTimeoutMs }, test);
      await within(bridge.agent.initialize(), "the opening");
      expect(await callGood(bridge)).toMatchObject(good);
      const before = bridge.peakKiB();
      const from = server.asked.length;
      const answer = await callEvil(bridge);
      if (ends !== "either") expect(Object.keys(answer)).toContain(ends);
      expect(server.asked.slice(from).filter((method) => method === "tools/call").length).toBeLessThanOrEqual(calls);
      expect(await callGood(bridge)).toMatchObject(good);
      expect(bridge.peakKiB() - before).toBeLessThan(maxGrowthKiB);
      expect(bridge.agent.stray).toEqual([]);
      expect(await bridge.end()).toBe(0);
    },
  );
});

describe("the bridge goes on when an HTTP/2 server", { timeout: 60_000 }, () => {
  it.concurrent.for(hostileStreams)("$name", async ({ does }, test) => {
    const { expect, onTestFinished } = test;
    const server = await startHostileHttp2(does);
    onTestFinished(() => server[Symbol.asyncDispose]());
    const bridge = startBridge({ urls: [server.url] }, test);
    await within(bridge.agent.initialize(), "the opening");
    expect(await callGood(bridge)).toMatchObject(good);
    expect((await callEvil(bridge)).error).toBeDefined();
    expect(await callGood(bridge)).toMatchObject(good);
    expect(await bridge.end()).toBe(0);
  });
});

describe("the bridge goes on when a proxy", { timeout: 60_000 }, () => {
  it.concurrent.for(hostileProxies)("$name", async ({ does }, test) => {
    const { expect, onTestFinished } = test;
    const server = await startHostileServer(() => {});
    const proxy = await startTurncoat();
    onTestFinished(async () => {
      await Promise.all([server[Symbol.asyncDispose](), proxy[Symbol.asyncDispose]()]);
    });
    const bridge = startBridge({ urls: [server.url], proxy: `http://127.0.0.1:${proxy.port}` }, test);
    await within(bridge.agent.initialize(), "the opening");
    expect(await callGood(bridge)).toMatchObject(good);
    const before = bridge.peakKiB();
    proxy.turn(does);
    expect((await callGood(bridge)).error).toBeDefined();
    proxy.turn(undefined);
    expect(await callGood(bridge)).toMatchObject(good);
    expect(bridge.peakKiB() - before).toBeLessThan(maxGrowthKiB);
    expect(await bridge.end()).toBe(0);
  });
});

describe("the bridge goes on", { timeout: 60_000 }, () => {
  it("when a server says nothing to the confirmation of the opening", async (test) => {
    const { expect, onTestFinished } = test;
    const server = await startScriptedServer((seen, reply) => {
      if (seen.body.method === "notifications/initialized" || answerRoutine(seen, reply)) return;
      reply.json({ content: [{ type: "text", text: "good" }] });
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const bridge = startBridge({ urls: [server.url], callTimeoutMs: 10_000 }, test);
    await within(bridge.agent.initialize(), "the opening");
    expect(await callGood(bridge)).toMatchObject(good);
    expect(await bridge.end()).toBe(0);
  });
});
