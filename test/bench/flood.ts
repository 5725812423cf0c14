import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connections } from "./connections.ts";
import { startOurs } from "./gateways.ts";
import { type HttpSession, openHttpSession } from "./http-session.ts";
import { percentile, summarize } from "./statistics.ts";

/** What a flood on the public listener does to the callers of the private one. */
export interface Flood {
  readonly shape: string;
  /** How many times the p99 of calls is what it was just before; the middle of all rounds. */
  readonly p99Times: number;
  /** The same beside a listener that does next to nothing: what the sender and the machine do to the callers. */
  readonly idleTimes: number;
  /** Of one processor, the share that the gateway spent on the flood. */
  readonly cpuShare: number;
  readonly askedPerSecond: number;
}

const shapes = ["calls", "fresh", "large", "silent"];
const rounds = 7;
const callsPerRound = 400;

/** For connections to be opened, and bursts to be over. */
const warmUpMs = 500;
const measuredMs = 1_000;

/** Calls without a flood and with one in turn, for each shape, so that a machine whose speed drifts is fair to both. */
export async function benchFlood(): Promise<Flood[]> {
  await using gateway = await startOurs();
  const agent = connections(true);
  try {
    const session = await openHttpSession(gateway.door, agent);
    await p99Of(session);
    const results: Flood[] = [];
    for (const shape of shapes) {
      const seen: Omit<Flood, "shape">[] = [];
      for (let round = 0; round < rounds; round++) {
        const quietMs = await p99Of(session);
        const flood = startFlood(gateway.publicPort, shape);
        await delay(warmUpMs);
        const cpuMs = gateway.cpuMs();
        await delay(measuredMs);
        const cpuShare = (gateway.cpuMs() - cpuMs) / measuredMs;
        const floodedMs = await p99Of(session);
        const askedPerSecond = await flood.end();
        const idleMs = await p99BesideSink(session, { shape, askedPerSecond });
        seen.push({ p99Times: floodedMs / quietMs, idleTimes: idleMs / quietMs, cpuShare, askedPerSecond });
      }
      const middle = (pick: (one: Omit<Flood, "shape">) => number): number => summarize(seen.map(pick)).median;
      results.push({
        shape,
        p99Times: middle(({ p99Times }) => p99Times),
        idleTimes: middle(({ idleTimes }) => idleTimes),
        cpuShare: middle(({ cpuShare }) => cpuShare),
        askedPerSecond: middle(({ askedPerSecond }) => askedPerSecond),
      });
    }
    return results;
  } finally {
    agent.destroy();
  }
}

async function p99Of(session: HttpSession): Promise<number> {
  const times: number[] = [];
  for (let call = 0; call < callsPerRound; call++) {
    const startMs = performance.now();
    await session.call("hello");
    times.push(performance.now() - startMs);
  }
  return percentile(
    times.sort((one, other) => one - other),
    0.99,
  );
}

const sinkProgram = fileURLToPath(new URL("flood-sink.mjs", import.meta.url));

/** The same flood on something else than the gateway, answered as often. */
async function p99BesideSink(
  session: HttpSession,
  { shape, askedPerSecond }: Pick<Flood, "shape" | "askedPerSecond">,
): Promise<number> {
  const args = [sinkProgram, shape, String(askedPerSecond)];
  const sink = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(sink.stdout, "data");
  const flood = startFlood(Number(String(said)), shape);
  await delay(warmUpMs + measuredMs);
  const p99Ms = await p99Of(session);
  await flood.end();
  sink.kill("SIGTERM");
  await once(sink, "close");
  return p99Ms;
}

const program = fileURLToPath(new URL("flood-public.mjs", import.meta.url));

/** Behind everything else in the queue for a processor: what is measured is what it does to the gateway. */
function startFlood(port: number, shape: string): { end(): Promise<number> } {
  const startMs = performance.now();
  const args = ["-n", "19", process.execPath, program, String(port), shape];
  const child = spawn("nice", args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return {
    async end() {
      const seconds = (performance.now() - startMs) / 1_000;
      child.kill("SIGTERM");
      await once(child, "close");
      return Number(said) / seconds;
    },
  };
}
