import type { Load } from "./load.ts";

/** One line of what `load.ts` measures: how it is shown, and whether ours, beside the floor and the rival, is good enough. */
export interface Goal {
  readonly title: string;
  readonly goal: string;
  readonly show: (load: Load, raw: Load) => string | undefined;
  readonly isMet: (ours: Load, raw: Load, rival: Load | undefined) => boolean;
}

export const goals: readonly Goal[] = [
  {
    title: "call, p50 (p99)",
    goal: "≤ 1.25 × raw",
    show: ({ p50Ms, p99Ms }, raw) => `${p50Ms.toFixed(2)} (${p99Ms.toFixed(1)}) ms${times(p50Ms, raw.p50Ms)}`,
    isMet: ({ p50Ms }, raw) => isAtMost(p50Ms, raw.p50Ms, 1.25),
  },
  {
    title: "2,000 calls at once",
    goal: "≥ 0.8 × raw, ≥ 7 × mcp-remote",
    show: ({ burstPerSecond, answered }, raw) =>
      burstPerSecond === undefined
        ? undefined
        : `${burstPerSecond.toFixed(0)}/s${times(burstPerSecond, raw.burstPerSecond)}${answered < 2_000 ? `, ${answered} answered` : ""}`,
    isMet: ({ burstPerSecond = 0 }, raw, rival) =>
      isAtMost((raw.burstPerSecond ?? 0) * 0.8, burstPerSecond, 1) &&
      isAtMost((rival?.burstPerSecond ?? 0) * 7, burstPerSecond, 1),
  },
  {
    title: "… connections through the proxy",
    goal: "≤ 2",
    show: ({ connections }) => connections?.toFixed(0),
    isMet: ({ connections = Number.POSITIVE_INFINITY }) => connections <= 2,
  },
  {
    title: "memory idle / after that",
    goal: "≤ 75 / 115 MB",
    show: ({ idleMiB, loadedMiB }) =>
      idleMiB === undefined || loadedMiB === undefined
        ? undefined
        : `${megabytes(idleMiB).toFixed(0)} / ${megabytes(loadedMiB).toFixed(0)} MB`,
    isMet: ({ idleMiB = Number.POSITIVE_INFINITY, loadedMiB = Number.POSITIVE_INFINITY }) =>
      Math.round(megabytes(idleMiB)) <= 75 && Math.round(megabytes(loadedMiB)) <= 115,
  },
  {
    title: "20 MB answer",
    goal: "≤ 1.3 × raw",
    show: ({ largeAnswerMs }, raw) => duration(largeAnswerMs, raw.largeAnswerMs),
    isMet: ({ largeAnswerMs }, raw) => isAtMost(largeAnswerMs, raw.largeAnswerMs, 1.3),
  },
  {
    title: "5 MB request",
    goal: "≤ 1.3 × raw",
    show: ({ largeRequestMs }, raw) => duration(largeRequestMs, raw.largeRequestMs),
    isMet: ({ largeRequestMs }, raw) => isAtMost(largeRequestMs, raw.largeRequestMs, 1.3),
  },
];

function duration(ms: number | undefined, floorMs: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${ms.toFixed(0)} ms${times(ms, floorMs)}`;
}

function times(value: number, floor: number | undefined): string {
  return floor === undefined ? "" : ` = ${(value / floor).toFixed(2)} ×`;
}

/** As it is shown, so that the table does not contradict itself. */
function isAtMost(value: number | undefined, floor: number | undefined, factor: number): boolean {
  if (value === undefined || floor === undefined || floor === 0) return false;
  return Number((value / floor).toFixed(2)) <= factor;
}

function megabytes(mebibytes: number): number {
  return (mebibytes * 1024 * 1024) / 1e6;
}
