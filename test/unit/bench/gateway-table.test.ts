import { expect, test } from "vitest";
import type { GatewayLoad } from "../../bench/gateway.ts";
import { gatewayPart } from "../../bench/gateway-table.ts";

const load: GatewayLoad = {
  ...{ p50Ms: 0.4, p99Ms: 1.24, perSecond: 7_500, cpuMicros: 120, freshP50Ms: 0.6, freshPerSecond: 3_000 },
  ...{ loadedMiB: 120, sessionsMs: 29, sessionsProcesses: 0, sessionsMiB: -1, largeMs: 131 },
  ...{ streamsMiB: 50, streamsP99: 1.1 },
};
const other: GatewayLoad = {
  ...load,
  perSecond: 2_400,
  largeMs: undefined,
  streamsMiB: undefined,
  streamsP99: undefined,
};
const floods = [
  { shape: "calls", p99Times: 1.6, idleTimes: 1.2, cpuShare: 0.1, askedPerSecond: 400 },
  { shape: "large", p99Times: 2.04, idleTimes: 0.98, cpuShare: 0.2, askedPerSecond: 90 },
];

test("gateways are shown side by side, with the goals that ours met and missed", () => {
  expect(gatewayPart("2026-11-21.", { loads: { ours: load, other }, floods })).toMatchInlineSnapshot(`
    "2026-11-21.

    |  | goal | ours | other |
    | --- | --- | --- | --- |
    | call, p50 (p99) | ≤ 0.5 ms | **0.40 (1.2) ms** | 0.40 (1.2) ms |
    | 32 in flight | ≥ 3 × the better of the others | **7500/s** | 2400/s |
    | … processor time of the gateway for each |  | 120 µs | 120 µs |
    | call on a connection of its own, p50 |  | 0.60 ms | 0.60 ms |
    | … 32 in flight |  | 3000/s | 3000/s |
    | memory of all processes after these calls | ≤ 130 MB | **126 MB** | 126 MB |
    | 50 more sessions | ≤ 50 ms, no process, ≤ + 5 MB | **29 ms, 0 processes, − 1 MB** | 29 ms, 0 processes, − 1 MB |
    | 5 MB request | answered | **131 ms** | not answered |
    | 1,000 sessions with an open stream each, over idle | ≤ 150 MB | **52 MB** | — |
    | … p99 of calls | ≤ 3 × idle | **1.1 ×** | — |

    The public listener flooded, p99 of calls on the private one as a multiple of what it was without (goal: ≤ 2 ×; in brackets beside the same flood on a listener of another process that does next to nothing, which is what its sender and the machine cost): calls (400/s) **1.60 ×** (1.20 ×), large (90/s) 2.04 ×, **missed** (0.98 ×)."
  `);
});

test.for([
  ["slow", { p50Ms: 0.51 }, "0.51 (1.2) ms, **missed**"],
  ["of less than three times the throughput", { perSecond: 7_199 }, "7199/s, **missed**"],
  ["large", { loadedMiB: 125 }, "131 MB, **missed**"],
  ["of a process for each session", { sessionsProcesses: 50 }, "29 ms, 50 processes, − 1 MB, **missed**"],
  ["without an answer", { largeMs: undefined }, "not answered, **missed**"],
  ["without streams", { streamsMiB: undefined, streamsP99: undefined }, "failed"],
  ["slow beside streams", { streamsP99: 3.1 }, "3.1 ×, **missed**"],
] as const)("a gateway of ours that is %s is said to miss the goal", ([, more, said]) => {
  expect(gatewayPart("", { loads: { ours: { ...load, ...more }, other }, floods })).toContain(`| ${said} |`);
});
