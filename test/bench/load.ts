import { join } from "node:path";
import { type Contestant, ours, peers } from "./contestants.ts";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.ts";
import { openRaw } from "./raw-http2.ts";
import type { Scene } from "./scene.ts";
import { startFastServer } from "./start-fast-server.ts";
import { percentile } from "./statistics.ts";
import { openSession, type StdioAgent, startStdioAgent } from "./stdio-agent.ts";

/** What one contestant did; undefined where it failed. */
export interface Load {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly burstPerSecond: number | undefined;
  readonly answered: number;
  readonly connections: number | undefined;
  readonly idleMiB: number | undefined;
  readonly loadedMiB: number | undefined;
  readonly largeAnswerMs: number | undefined;
  readonly largeRequestMs: number | undefined;
}

type Asking = Pick<StdioAgent, "ask">;

const calls = 1_000;
const burst = 2_000;
const largeAnswerBytes = 20_000_000;
const largeRequestBytes = 5_000_000;

/** The same calls through every bridge and through none, against a server that does nothing. */
export async function benchLoad(scene: Scene): Promise<Record<string, Load>> {
  const { tailnet } = scene;
  await using server = await startFastServer(await tailnet.api.reservePort(), join(tailnet.tempDir(), "marks"));
  const [host, agentNode] = await Promise.all([
    tailnet.startNode({ hostname: "fast", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
  await host.serve({ port: 8443, target: `http://127.0.0.1:${server.port}` });
  const url = new URL(`https://${host.dnsName}:8443/mcp`);
  const way = { url, proxy: agentNode.proxy, ca: scene.ca };
  const results: Record<string, Load> = {};
  const raw = await openRaw(way);
  results["raw HTTP/2"] = {
    ...(await measure(raw)),
    ...(await measureLarge(raw)),
    connections: 1,
    idleMiB: undefined,
    loadedMiB: undefined,
  };
  await raw.end();
  for (const contestant of [ours, ...peers()]) {
    results[contestant.name] = await benchContestant(contestant, { scene, url, proxy: agentNode.proxy });
  }
  return results;
}

async function benchContestant(
  contestant: Contestant,
  { scene, url, proxy }: { scene: Scene; url: URL; proxy: string },
): Promise<Load> {
  const start = (through: string): StdioAgent =>
    startStdioAgent(contestant.command(url.href, through), { ...scene.newHome().env, ...contestant.env(through) });
  const agent = start(`http://${proxy}`);
  await openSession(agent);
  await agent.ask("tools/list", {});
  const idleMiB = agent.residentMiB();
  const measured = await measure(agent);
  const loadedMiB = agent.residentMiB();
  const large = await measureLarge(agent);
  await agent.end();
  await using counter: CountingProxy = await startCountingProxy(proxy);
  const counted = start(counter.url);
  await openSession(counted);
  await burstOf(counted);
  await counted.end();
  return { ...measured, ...large, idleMiB, loadedMiB, connections: counter.connections };
}

async function measure(agent: Asking): Promise<Pick<Load, "p50Ms" | "p99Ms" | "burstPerSecond" | "answered">> {
  const times: number[] = [];
  for (let call = 0; call < calls + 100; call++) {
    const start = performance.now();
    await agent.ask("tools/call", { name: "work", arguments: {} });
    // The first hundred warm the compiler.
    if (call >= 100) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const { answered, seconds } = await burstOf(agent);
  return {
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    answered,
    burstPerSecond: answered === 0 ? undefined : answered / seconds,
  };
}

async function burstOf(agent: Asking): Promise<{ answered: number; seconds: number }> {
  const start = performance.now();
  const answers = await Promise.allSettled(
    Array.from({ length: burst }, () => agent.ask("tools/call", { name: "work", arguments: {} }, 60_000)),
  );
  const answered = answers.filter(({ status, ...rest }) => status === "fulfilled" && "value" in rest && isResult(rest));
  return { answered: answered.length, seconds: (performance.now() - start) / 1_000 };
}

function isResult({ value }: { value: unknown }): boolean {
  return typeof value === "object" && value !== null && "result" in value;
}

async function measureLarge(agent: Asking): Promise<Pick<Load, "largeAnswerMs" | "largeRequestMs">> {
  return {
    largeAnswerMs: await median(() =>
      agent.ask("tools/call", { name: "work", arguments: { bytes: largeAnswerBytes } }, 30_000),
    ),
    largeRequestMs: await median(() =>
      agent.ask("tools/call", { name: "work", arguments: { filler: "x".repeat(largeRequestBytes) } }, 30_000),
    ),
  };
}

async function median(work: () => Promise<object>): Promise<number | undefined> {
  const times: number[] = [];
  for (let round = 0; round < 6; round++) {
    const start = performance.now();
    const answer = await work().catch(() => ({}));
    if (!("result" in answer)) return undefined;
    if (round > 0) times.push(performance.now() - start);
  }
  return percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
}
