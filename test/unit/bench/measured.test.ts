import { expect, test } from "vitest";
import type { Load } from "../../bench/load.ts";
import { type Measurements, measuredPart } from "../../bench/measured.ts";
import type { Summary } from "../../bench/statistics.ts";

const names = { ours: "ours", emptyNode: "empty node", raw: "raw", rival: "rival" };

const summary = (median: number): Summary => ({ median, min: median, max: median, runs: 7 });

const raw: Load = {
  p50Ms: 1,
  p99Ms: 4,
  burstPerSecond: 3_000,
  answered: 2_000,
  connections: 1,
  idleMiB: undefined,
  loadedMiB: undefined,
  largeAnswerMs: 200,
  largeEventMs: 200,
  largeRequestMs: 60,
  overRaw: { p50: 1, burst: 1, largeAnswer: 1, largeEvent: 1, largeRequest: 1 },
};
const ours: Load = {
  ...raw,
  p50Ms: 1.3,
  burstPerSecond: 2_500,
  connections: 2,
  idleMiB: 50,
  loadedMiB: 100,
  overRaw: { ...raw.overRaw, p50: 1.2, burst: 0.83 },
};
const rival: Load = {
  ...raw,
  p50Ms: 2.4,
  burstPerSecond: 250,
  answered: 1_999,
  connections: 2_001,
  idleMiB: 90,
  loadedMiB: 350,
  largeRequestMs: undefined,
  overRaw: { p50: 2.4, burst: 0.08, largeAnswer: 1, largeEvent: 1, largeRequest: undefined },
};

const measured: Measurements = {
  machine: "Two cores.",
  starts: {
    "Node.js 20": { "empty node": summary(40), ours: summary(85.4), rival: summary(370) },
    "Node.js 22": { "empty node": summary(40), ours: summary(86) },
  },
  loads: { raw, ours, rival },
  soak: {
    calls: 10_000,
    restarts: 19,
    results: 9_900,
    mayHaveRun: 100,
    otherErrors: 0,
    words: [],
    lost: 0,
    executedTwice: 0,
    leakedHandles: 0,
    seconds: 30,
  },
};

test("the README's part shows the contestants side by side, and says which goals were met and missed", () => {
  expect(measuredPart(measured, names)).toMatchInlineSnapshot(`
    "Two cores.

    |  | goal | ours | rival | raw |
    | --- | --- | --- | --- | --- |
    | start to the server's answer to \`initialize\`, over an empty Node.js 20 | ≤ + 45 ms | **+ 45 ms** | + 330 ms | (40 ms) |
    | start to the server's answer to \`initialize\`, over an empty Node.js 22 | ≤ + 45 ms | + 46 ms, **missed** | — | (40 ms) |
    | call, p50 (p99) | ≤ 1.25 × raw | **1.30 (4.0) ms = 1.20 ×** | 2.40 (4.0) ms = 2.40 × | 1.00 (4.0) ms |
    | 2,000 calls at once | ≥ 0.8 × raw, ≥ 7 × mcp-remote | **2500/s = 0.83 ×** | 250/s = 0.08 ×, 1999 answered | 3000/s |
    | … connections through the proxy | ≤ 2 | **2** | 2001 | 1 |
    | memory idle / after that | ≤ 75 / 115 MB | **52 / 105 MB** | 94 / 367 MB | — |
    | 20 MB answer | ≤ 1.3 × raw | **200 ms = 1.00 ×** | 200 ms = 1.00 × | 200 ms |
    | … as an event of a stream | ≤ 1.3 × raw | **200 ms = 1.00 ×** | 200 ms = 1.00 × | 200 ms |
    | 5 MB request | ≤ 1.3 × raw | **60 ms = 1.00 ×** | — | 60 ms |

    Soak: 10,000 calls while the server was killed and started again 19 times gave 9,900 results, 100 errors that say the call may have run and 0 that say it did not; 0 were lost, 0 executed twice, 0 handles leaked."
  `);
});

test.each([
  [
    "a call that is slower than it may be",
    { overRaw: { ...ours.overRaw, p50: 1.26 } },
    "1.30 (4.0) ms = 1.26 ×, **missed**",
  ],
  ["too few calls at once beside raw", { overRaw: { ...ours.overRaw, burst: 0.77 } }, "2500/s = 0.77 ×, **missed**"],
  ["a connection too many", { connections: 3 }, "3, **missed**"],
  ["too much memory after the load", { loadedMiB: 111 }, "52 / 116 MB, **missed**"],
  [
    "a large answer that never came",
    { largeAnswerMs: undefined, overRaw: { ...ours.overRaw, largeAnswer: undefined } },
    "| failed |",
  ],
])("%s is a missed goal", (_title, worse, text) => {
  const loads = { ...measured.loads, ours: { ...ours, ...worse } };
  expect(measuredPart({ ...measured, loads }, names)).toContain(text);
});

test("too few calls at once beside the rival are a missed goal", () => {
  const loads = { ...measured.loads, rival: { ...rival, burstPerSecond: 400 } };
  expect(measuredPart({ ...measured, loads }, names)).toContain("2500/s = 0.83 ×, **missed**");
});
