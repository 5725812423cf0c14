import { type Connections, connections } from "./connections.ts";
import { type GatewayContestant, gatewayContestants, type RunningGateway } from "./gateways.ts";
import { type HttpSession, openHttpSession } from "./http-session.ts";
import { percentile } from "./statistics.ts";

/** What one gateway did; undefined where it failed. */
export interface GatewayLoad {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  /** Processor time of the gateway for one of these calls; other work on the machine does not change it. */
  readonly cpuMicros: number;
  /** The same with a connection for each request. */
  readonly freshP50Ms: number;
  readonly freshPerSecond: number;
  readonly loadedMiB: number;
  readonly sessionsMs: number;
  readonly sessionsProcesses: number;
  readonly sessionsMiB: number;
  readonly largeMs: number | undefined;
  readonly streamsMiB: number | undefined;
  /** How many times the p99 of calls is what it was without the streams. */
  readonly streamsP99: number | undefined;
}

const rounds = 3;
const callsPerRound = 500;
/** Long enough that the connections, which all have to be opened anew, do not count. */
const callsAtOnce = 8_000;
const atOnce = 32;
const largeBytes = 5_000_000;
const moreSessions = 50;
const streams = 1_000;

/** A stdio echo server behind each, in one run; the calls in turn, so that a machine whose speed drifts is fair to all. */
export async function benchGateway(): Promise<Record<string, GatewayLoad>> {
  const results: Record<string, GatewayLoad> = {};
  const started: Started[] = [];
  try {
    for (const contestant of gatewayContestants()) started.push(await start(contestant));
    for (let round = 0; round <= rounds; round++) {
      for (const one of started) {
        const isMeasured = round > 0;
        for (const [agent, spent] of [
          [one.kept, one.keptCalls],
          [one.fresh, one.freshCalls],
        ] as const) {
          const session = await openHttpSession(one.gateway.door, agent);
          const times = await inSequence(session, callsPerRound);
          const cpuMs = one.gateway.cpuMs();
          const perSecond = await atOnceFor(session, callsAtOnce);
          if (isMeasured) {
            spent.times.push(...times);
            spent.perSecond.push(perSecond);
            spent.cpuMicros.push(((one.gateway.cpuMs() - cpuMs) * 1_000) / callsAtOnce);
          }
        }
      }
    }
    for (const one of started) results[one.name] = await rest(one);
  } finally {
    for (const { gateway, kept, fresh } of started) {
      kept.destroy();
      fresh.destroy();
      await gateway[Symbol.asyncDispose]();
    }
  }
  return results;
}

interface Spent {
  readonly times: number[];
  readonly perSecond: number[];
  readonly cpuMicros: number[];
}

interface Started {
  readonly name: string;
  readonly gateway: RunningGateway;
  readonly kept: Connections;
  readonly fresh: Connections;
  readonly keptCalls: Spent;
  readonly freshCalls: Spent;
}

async function start(contestant: GatewayContestant): Promise<Started> {
  return {
    name: contestant.name,
    gateway: await contestant.start(),
    ...{ kept: connections(true), fresh: connections(false) },
    ...{
      keptCalls: { times: [], perSecond: [], cpuMicros: [] },
      freshCalls: { times: [], perSecond: [], cpuMicros: [] },
    },
  };
}

async function rest({ gateway, kept, keptCalls, freshCalls }: Started): Promise<GatewayLoad> {
  const loadedMiB = gateway.residentMiB();
  const before = gateway.processes().length;
  const startMs = performance.now();
  const sessions = await Promise.all(Array.from({ length: moreSessions }, () => openHttpSession(gateway.door, kept)));
  const sessionsMs = performance.now() - startMs;
  await Promise.all(sessions.map((session) => session.call("x")));
  const sessionsMiB = gateway.residentMiB() - loadedMiB;
  const sessionsProcesses = gateway.processes().length - before;
  const [session] = sessions;
  return {
    ...{ p50Ms: at(keptCalls, 0.5), p99Ms: at(keptCalls, 0.99), perSecond: middle(keptCalls.perSecond) },
    cpuMicros: middle(keptCalls.cpuMicros),
    ...{ freshP50Ms: at(freshCalls, 0.5), freshPerSecond: middle(freshCalls.perSecond) },
    ...{ loadedMiB, sessionsMs, sessionsProcesses, sessionsMiB },
    largeMs: session === undefined ? undefined : await large(session),
    // Those that start a process for each session cannot have so many.
    ...(sessionsProcesses > 0 ? { streamsMiB: undefined, streamsP99: undefined } : await withStreams(gateway, kept)),
  };
}

async function large(session: HttpSession): Promise<number | undefined> {
  const startMs = performance.now();
  const length = await session.call("x".repeat(largeBytes)).catch(() => undefined);
  return length === String(largeBytes) ? performance.now() - startMs : undefined;
}

async function withStreams(
  gateway: RunningGateway,
  agent: Connections,
): Promise<Pick<GatewayLoad, "streamsMiB" | "streamsP99">> {
  const caller = await openHttpSession(gateway.door, agent);
  const idleMs = percentileOf(await inSequence(caller, callsPerRound), 0.99);
  const idleMiB = gateway.residentMiB();
  const closers: (() => void)[] = [];
  try {
    for (let count = 0; count < streams; count++) {
      const session = await openHttpSession(gateway.door, agent);
      closers.push(await session.listen());
    }
    const busyMs = percentileOf(await inSequence(caller, callsPerRound), 0.99);
    return { streamsMiB: gateway.residentMiB() - idleMiB, streamsP99: busyMs / idleMs };
  } catch {
    return { streamsMiB: undefined, streamsP99: undefined };
  } finally {
    for (const close of closers) close();
  }
}

async function inSequence(session: HttpSession, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let call = 0; call < count; call++) {
    const startMs = performance.now();
    await session.call("hello");
    times.push(performance.now() - startMs);
  }
  return times;
}

/** Returns calls per second. */
async function atOnceFor(session: HttpSession, count: number): Promise<number> {
  const startMs = performance.now();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await session.call("hello");
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (count * 1_000) / (performance.now() - startMs);
}

function at({ times }: Spent, share: number): number {
  return percentileOf(times, share);
}

function middle(values: readonly number[]): number {
  return percentileOf(values, 0.5);
}

function percentileOf(values: readonly number[], share: number): number {
  return percentile(
    [...values].sort((one, other) => one - other),
    share,
  );
}
