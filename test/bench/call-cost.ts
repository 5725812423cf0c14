import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ours } from "./contestants.ts";
import { raw } from "./load.ts";
import { openRaw } from "./raw-http2.ts";
import type { Scene } from "./scene.ts";
import { startFastServer } from "./start-fast-server.ts";
import { median, percentile } from "./statistics.ts";
import { openSession, type StdioAgent, startStdioAgent } from "./stdio-agent.ts";

/** What one call costs, read so that a busy machine is no matter: beside the floor in the same moment, or in its own processor time. */
export interface CallCost {
  readonly p50Ms: number;
  /** The middle of the rounds' own ratios. */
  readonly overRaw: number | undefined;
  /** Processor time of the bridge's process for one call; undefined where there is no such process. */
  readonly cpuMicros: number | undefined;
}

const callsInRound = 500;

/** Linux counts processor time in these. Source: proc_pid_stat(5), `getconf CLK_TCK`. */
const tickMicros = 10_000;

const prototype = fileURLToPath(new URL("prototype-bridge.mjs", import.meta.url));

interface Runner {
  readonly name: string;
  readonly agent: Pick<StdioAgent, "ask" | "end"> & Partial<Pick<StdioAgent, "pid">>;
}

/** One call after the other, in rounds that alternate between no bridge, the least that a bridge can be, and ours. */
export async function benchCallCost(scene: Scene, rounds: number): Promise<Record<string, CallCost>> {
  const { tailnet } = scene;
  await using server = await startFastServer(await tailnet.api.reservePort(), join(tailnet.tempDir(), "marks"));
  const [host, vm] = await Promise.all([
    tailnet.startNode({ hostname: "fast", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
  await host.serve({ port: 8443, target: `http://127.0.0.1:${server.port}` });
  const url = new URL(`https://${host.dnsName}:8443/mcp`);
  const proxy = `http://${vm.proxy}`;
  const commands = {
    prototype: [process.execPath, prototype, url.href, proxy],
    [ours.name]: ours.command(url.href, proxy),
  } as const;
  const runners: Runner[] = [{ name: raw, agent: await openRaw({ url, proxy: vm.proxy, ca: scene.ca }) }];
  for (const [name, command] of Object.entries(commands)) {
    const agent = startStdioAgent(command, scene.newHome().env);
    await openSession(agent);
    await agent.ask("tools/list", {});
    runners.push({ name, agent });
  }
  const p50s: Record<string, number[]> = {};
  const cpus: Record<string, number[]> = {};
  // The first round warms the compiler.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, agent } of runners) {
      const before = cpuMicros(agent.pid);
      const p50Ms = await medianCall(agent);
      if (round === 0) continue;
      p50s[name] = [...(p50s[name] ?? []), p50Ms];
      if (agent.pid !== undefined) {
        cpus[name] = [...(cpus[name] ?? []), (cpuMicros(agent.pid) - before) / callsInRound];
      }
    }
  }
  for (const { agent } of runners) await agent.end();
  const floor = p50s[raw] ?? [];
  return Object.fromEntries(
    Object.entries(p50s).map(([name, list]) => [
      name,
      {
        p50Ms: median(list) ?? Number.NaN,
        overRaw: median(list.map((ms, round) => ms / (floor[round] ?? Number.NaN))),
        cpuMicros: mean(cpus[name]),
      },
    ]),
  );
}

async function medianCall(agent: Runner["agent"]): Promise<number> {
  const times: number[] = [];
  for (let call = 0; call < callsInRound; call++) {
    const start = performance.now();
    const { error } = await agent.ask("tools/call", { name: "work", arguments: {} });
    if (error !== undefined) throw new Error(error.message);
    times.push(performance.now() - start);
  }
  return percentile(
    times.sort((one, other) => one - other),
    0.5,
  );
}

function cpuMicros(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMicros;
}

/** Ticks are too coarse for a middle. */
function mean(values: readonly number[] | undefined): number | undefined {
  return values === undefined ? undefined : values.reduce((sum, one) => sum + one, 0) / values.length;
}
