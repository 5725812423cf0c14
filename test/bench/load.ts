import { join } from "node:path";
import { type Contestant, ours, peers } from "./contestants.ts";
import { startCountingProxy } from "./counting-proxy.ts";
import { openRaw } from "./raw-http2.ts";
import type { Scene } from "./scene.ts";
import { startFastServer } from "./start-fast-server.ts";
import { median, percentile } from "./statistics.ts";
import { openSession, type StdioAgent, startStdioAgent } from "./stdio-agent.ts";

/** What one contestant did; undefined where it failed, or where there is nothing to measure. */
export interface Load {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly burstPerSecond: number | undefined;
  readonly answered: number;
  readonly connections: number | undefined;
  readonly idleMiB: number | undefined;
  readonly loadedMiB: number | undefined;
  readonly largeAnswerMs: number | undefined;
  /** The same answer over SSE. */
  readonly largeEventMs: number | undefined;
  readonly largeRequestMs: number | undefined;
  readonly overRaw: OverRaw;
}

/** Beside raw in the same round, the middle of all rounds: a machine whose speed drifts is slow for both. */
export interface OverRaw {
  readonly p50: number | undefined;
  readonly burst: number | undefined;
  readonly largeAnswer: number | undefined;
  readonly largeEvent: number | undefined;
  readonly largeRequest: number | undefined;
}

/** The floor's name in the results. */
export const raw = "raw HTTP/2";

/** How many calls at once. */
export const burst = 2_000;

const blocks = 20;
const callsInBlock = 250;

/** They warm the compiler. */
const warmBlocks = 2;
const burstRounds = 5;
const largeRounds = 13;
const largeAnswerBytes = 20_000_000;
const largeRequestBytes = 5_000_000;

interface Runner {
  readonly name: string;
  readonly agent: Pick<StdioAgent, "ask" | "end"> & Partial<Pick<StdioAgent, "residentMiB">>;
}

/**
 * The same calls through every bridge and through none, against a server that does nothing. They take turns in small
 * portions, so that a machine whose speed drifts is fair to all.
 */
export async function benchLoad(scene: Scene): Promise<Record<string, Load>> {
  const { tailnet } = scene;
  await using server = await startFastServer(await tailnet.api.reservePort(), join(tailnet.tempDir(), "marks"));
  const [host, vm] = await Promise.all([
    tailnet.startNode({ hostname: "fast", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
  await host.serve({ port: 8443, target: `http://127.0.0.1:${server.port}` });
  const url = new URL(`https://${host.dnsName}:8443/mcp`);
  const start = (contestant: Contestant, proxy: string): Promise<StdioAgent> =>
    startSession(contestant, { scene, url, proxy });
  const bridges = [ours, ...peers()];
  const runners: Runner[] = [{ name: raw, agent: await openRaw({ url, proxy: vm.proxy, ca: scene.ca }) }];
  for (const one of bridges) runners.push({ name: one.name, agent: await start(one, `http://${vm.proxy}`) });

  const idleMiB = resident(runners);
  const calls = await callsInTurn(runners);
  const first = await inRounds(1, runners, burstOf);
  const loadedMiB = resident(runners);
  const rest = await inRounds(burstRounds - 1, runners, burstOf);
  const bursts = Object.fromEntries(runners.map(({ name }) => [name, [...(first[name] ?? []), ...(rest[name] ?? [])]]));
  const large = { arguments: { bytes: largeAnswerBytes } };
  const event = { arguments: { bytes: largeAnswerBytes, isStream: true } };
  const filled = { arguments: { filler: "x".repeat(largeRequestBytes) } };
  const answers = await inRounds(largeRounds, runners, (runner) => timeOf(runner, large));
  const events = await inRounds(largeRounds, runners, (runner) => timeOf(runner, event));
  const requests = await inRounds(largeRounds, runners, (runner) => timeOf(runner, filled));
  for (const { agent } of runners) await agent.end();

  const connections: Record<string, number> = { [raw]: 1 };
  for (const one of bridges) {
    await using counter = await startCountingProxy(vm.proxy);
    const agent = await start(one, counter.url);
    await burstOf({ name: one.name, agent });
    await agent.end();
    connections[one.name] = counter.connections;
  }
  return Object.fromEntries(
    runners.map(({ name }) => {
      const times = (calls[name] ?? []).flat().toSorted((one, other) => one - other);
      const rates = (bursts[name] ?? []).map(({ answered, ms }) =>
        answered === 0 ? undefined : answered / (ms / 1e3),
      );
      return [
        name,
        {
          p50Ms: percentile(times, 0.5),
          p99Ms: percentile(times, 0.99),
          burstPerSecond: median(rates),
          answered: Math.min(...(bursts[name] ?? []).map(({ answered }) => answered)),
          connections: connections[name],
          idleMiB: idleMiB[name],
          loadedMiB: loadedMiB[name],
          largeAnswerMs: median(answers[name]?.slice(1) ?? []),
          largeEventMs: median(events[name]?.slice(1) ?? []),
          largeRequestMs: median(requests[name]?.slice(1) ?? []),
          overRaw: {
            p50: overRaw(calls, name, median),
            burst: overRaw(bursts, name, ({ answered, ms }) => (answered === 0 ? undefined : answered / ms)),
            largeAnswer: overRaw(withoutFirst(answers), name, (ms) => ms),
            largeEvent: overRaw(withoutFirst(events), name, (ms) => ms),
            largeRequest: overRaw(withoutFirst(requests), name, (ms) => ms),
          },
        },
      ];
    }),
  );
}

async function startSession(
  contestant: Contestant,
  { scene, url, proxy }: { scene: Scene; url: URL; proxy: string },
): Promise<StdioAgent> {
  const env = { ...scene.newHome().env, ...contestant.env(proxy) };
  const agent = startStdioAgent(contestant.command(url.href, proxy), env);
  await openSession(agent);
  await agent.ask("tools/list", {});
  return agent;
}

function resident(runners: readonly Runner[]): Record<string, number | undefined> {
  return Object.fromEntries(runners.map(({ name, agent }) => [name, agent.residentMiB?.()]));
}

/** Each round begins with the next one: what a runner leaves behind (garbage, a busy processor) falls on each of the others. */
async function inRounds<T>(
  rounds: number,
  runners: readonly Runner[],
  work: (runner: Runner) => Promise<T>,
): Promise<Record<string, T[]>> {
  const results: Record<string, T[]> = {};
  for (let round = 0; round < rounds; round++) {
    const first = round % runners.length;
    for (const runner of [...runners.slice(first), ...runners.slice(0, first)]) {
      const list = results[runner.name] ?? [];
      list.push(await work(runner));
      results[runner.name] = list;
    }
  }
  return results;
}

/** Returns the middle of the rounds' own ratios; undefined where a round has none. */
function overRaw<T>(
  rounds: Readonly<Record<string, readonly T[]>>,
  name: string,
  value: (round: T) => number | undefined,
): number | undefined {
  const floors = (rounds[raw] ?? []).map(value);
  return median(
    (rounds[name] ?? []).map((round, at) => {
      const [one, floor] = [value(round), floors[at]];
      return one === undefined || floor === undefined ? undefined : one / floor;
    }),
  );
}

function withoutFirst<T>(rounds: Readonly<Record<string, readonly T[]>>): Record<string, readonly T[]> {
  return Object.fromEntries(Object.entries(rounds).map(([name, list]) => [name, list.slice(1)]));
}

/** One call after the other. Returns the milliseconds of each block. */
async function callsInTurn(runners: readonly Runner[]): Promise<Record<string, readonly number[][]>> {
  const measured = await inRounds(blocks + warmBlocks, runners, async (runner) => {
    const times: number[] = [];
    for (let call = 0; call < callsInBlock; call++) {
      const ms = await timeOf(runner, { arguments: {} });
      if (ms !== undefined) times.push(ms);
    }
    return times;
  });
  return Object.fromEntries(Object.entries(measured).map(([name, times]) => [name, times.slice(warmBlocks)]));
}

async function burstOf({ agent }: Runner): Promise<{ answered: number; ms: number }> {
  const start = performance.now();
  const answers = await Promise.allSettled(
    Array.from({ length: burst }, () => agent.ask("tools/call", { name: "work", arguments: {} }, 60_000)),
  );
  const answered = answers.filter((one) => one.status === "fulfilled" && "result" in one.value).length;
  return { answered, ms: performance.now() - start };
}

async function timeOf({ agent }: Runner, params: object): Promise<number | undefined> {
  const start = performance.now();
  const answer = await agent.ask("tools/call", { name: "work", ...params }, 30_000).catch(() => undefined);
  return answer !== undefined && "result" in answer ? performance.now() - start : undefined;
}
