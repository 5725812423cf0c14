import type { CallCost } from "./call-cost.ts";
import type { Cycles } from "./cycles.ts";
import type { Flood } from "./flood.ts";
import type { GatewayLoad } from "./gateway.ts";
import type { Load } from "./load.ts";
import type { Soak } from "./soak.ts";
import type { Summary } from "./statistics.ts";

/** Prints medians as Markdown, and what ours costs over the floor. */
export function printTimes(
  title: string,
  summaries: Readonly<Record<string, Summary>>,
  { ours, floor }: { ours: string; floor: string },
): void {
  console.log(`\n${title}\n`);
  console.log("| | median ms | min | max | runs |\n|---|---|---|---|---|");
  for (const [name, { median, min, max, runs }] of Object.entries(summaries)) {
    console.log(`| ${name} | ${median.toFixed(0)} | ${min.toFixed(0)} | ${max.toFixed(0)} | ${runs} |`);
  }
  const difference = (summaries[ours]?.median ?? Number.NaN) - (summaries[floor]?.median ?? Number.NaN);
  console.log(`\n${ours} over ${floor}: ${difference >= 0 ? "+" : ""}${difference.toFixed(0)} ms`);
}

/** Prints one column for each contestant. */
export function printLoad(results: Readonly<Record<string, Load>>): void {
  const rows: readonly (readonly [title: string, show: (load: Load) => string])[] = [
    ["call p50 / p99, ms", ({ p50Ms, p99Ms }) => `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(1)}`],
    ["2,000 calls at once, calls/s", ({ burstPerSecond }) => shown(burstPerSecond, 0)],
    ["… answered", ({ answered }) => String(answered)],
    ["… connections through the proxy", ({ connections }) => shown(connections, 0)],
    ["RSS idle / after that, MiB", ({ idleMiB, loadedMiB }) => `${shown(idleMiB, 0)} / ${shown(loadedMiB, 0)}`],
    ["20 MB answer, ms", ({ largeAnswerMs }) => shown(largeAnswerMs, 0)],
    ["… as an event of a stream, ms", ({ largeEventMs }) => shown(largeEventMs, 0)],
    ["5 MB request, ms", ({ largeRequestMs }) => shown(largeRequestMs, 0)],
  ];
  console.log("\nCalls through the tailnet, against a server that does nothing\n");
  console.log(`| | ${Object.keys(results).join(" | ")} |\n|${"---|".repeat(Object.keys(results).length + 1)}`);
  for (const [title, show] of rows) console.log(`| ${title} | ${Object.values(results).map(show).join(" | ")} |`);
}

/** Prints one line for each way to call. */
export function printCallCosts(costs: Readonly<Record<string, CallCost>>): void {
  console.log("\nOne call after the other through the tailnet, in rounds that alternate\n");
  console.log("| | p50, ms | over raw | processor time of its process, µs |\n|---|---|---|---|");
  for (const [name, { p50Ms, overRaw, cpuMicros }] of Object.entries(costs)) {
    console.log(`| ${name} | ${p50Ms.toFixed(2)} | ${shown(overRaw, 2)} | ${shown(cpuMicros, 0)} |`);
  }
}

/** Prints one column for each gateway. */
export function printGateways(results: Readonly<Record<string, GatewayLoad>>): void {
  const rows: readonly (readonly [title: string, show: (load: GatewayLoad) => string])[] = [
    ["call p50 / p99, ms", ({ p50Ms, p99Ms }) => `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(1)}`],
    ["32 in flight, calls/s", ({ perSecond }) => shown(perSecond, 0)],
    ["… processor time of the gateway for each, µs", ({ cpuMicros }) => shown(cpuMicros, 0)],
    ["… p50, ms, a connection for each request", ({ freshP50Ms }) => shown(freshP50Ms, 2)],
    ["… 32 in flight, calls/s, so too", ({ freshPerSecond }) => shown(freshPerSecond, 0)],
    ["RSS after that, with all processes, MiB", ({ loadedMiB }) => shown(loadedMiB, 0)],
    [
      "50 more sessions: ms / processes / MiB",
      ({ sessionsMs, sessionsProcesses, sessionsMiB }) =>
        `${sessionsMs.toFixed(0)} / +${sessionsProcesses} / +${sessionsMiB.toFixed(0)}`,
    ],
    ["5 MB request, ms", ({ largeMs }) => shown(largeMs, 0)],
    ["1,000 sessions with a stream: MiB over idle", ({ streamsMiB }) => shown(streamsMiB, 0)],
    ["… p99 of calls, times idle", ({ streamsP99 }) => shown(streamsP99, 1)],
  ];
  console.log("\nA stdio echo server behind, loopback\n");
  console.log(`| | ${Object.keys(results).join(" | ")} |\n|${"---|".repeat(Object.keys(results).length + 1)}`);
  for (const [title, show] of rows) console.log(`| ${title} | ${Object.values(results).map(show).join(" | ")} |`);
}

export function printFloods(floods: readonly Flood[]): void {
  console.log("\nThe public listener flooded, calls on the private one\n");
  console.log(
    "| flood | asked, 1/s | p99 of calls, times quiet (goal: ≤ 2) | … beside an idle listener | share of a processor |\n|---|---|---|---|---|",
  );
  for (const { shape, askedPerSecond, p99Times, idleTimes, cpuShare } of floods) {
    const times = [p99Times, idleTimes].map((each) => shown(each, 2)).join(" | ");
    console.log(`| ${shape} | ${shown(askedPerSecond, 0)} | ${times} | ${shown(cpuShare, 2)} |`);
  }
}

export function printCycles({ cycles, up, down, processes, files, directories, nodes }: Cycles): void {
  console.log(`\n${cycles} times up and down in one home\n`);
  console.log(
    "| up, ms | down, ms | processes left | files left | directories left | nodes left |\n|---|---|---|---|---|---|",
  );
  for (const name of [...files, ...directories]) console.error(`left: ${name}`);
  const left = [processes, files.length, directories.length, nodes].join(" | ");
  console.log(`| ${shown(up.median, 0)} | ${shown(down.median, 0)} | ${left} |`);
}

export function printSoak(soak: Soak): void {
  const { calls, restarts, results, mayHaveRun, otherErrors, lost, executedTwice, leakedHandles, seconds } = soak;
  console.log(`\n${calls} calls, the server killed ${restarts} times, ${seconds.toFixed(0)} s\n`);
  console.log("| results | told they may have run | told they did not | lost | executed twice | leaked handles |");
  console.log("|---|---|---|---|---|---|");
  for (const line of soak.words.slice(0, 10)) console.error(`told: ${line}`);
  console.log(`| ${[results, mayHaveRun, otherErrors, lost, executedTwice, leakedHandles].join(" | ")} |`);
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? "—" : value.toFixed(digits);
}
