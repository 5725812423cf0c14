import type { Load } from "./load.ts";

/** One line of what `load.ts` measures: how it is shown, and whether ours, beside the rival, is good enough. */
export interface Goal {
  readonly title: string;
  readonly goal: string;
  readonly show: (load: Load) => string | undefined;
  readonly isMet: (ours: Load, rival: Load | undefined) => boolean;
}

export const goals: readonly Goal[] = [
  {
    title: "call, p50 (p99)",
    goal: "≤ 1.25 × raw",
    show: ({ p50Ms, p99Ms, overRaw }) => `${p50Ms.toFixed(2)} (${p99Ms.toFixed(1)}) ms${times(overRaw.p50)}`,
    isMet: ({ overRaw }) => isAtMost(overRaw.p50, 1.25),
  },
  {
    title: "2,000 calls at once",
    goal: "≥ 0.8 × raw, ≥ 7 × mcp-remote",
    show: ({ burstPerSecond, answered, overRaw }) =>
      burstPerSecond === undefined
        ? undefined
        : `${burstPerSecond.toFixed(0)}/s${times(overRaw.burst)}${answered < 2_000 ? `, ${answered} answered` : ""}`,
    isMet: ({ burstPerSecond = 0, overRaw }, rival) =>
      rounded(overRaw.burst ?? 0) >= 0.8 &&
      rival?.burstPerSecond !== undefined &&
      burstPerSecond >= rival.burstPerSecond * 7,
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
    show: ({ largeAnswerMs, overRaw }) => duration(largeAnswerMs, overRaw.largeAnswer),
    isMet: ({ overRaw }) => isAtMost(overRaw.largeAnswer, 1.3),
  },
  {
    title: "… as an event of a stream",
    goal: "≤ 1.3 × raw",
    show: ({ largeEventMs, overRaw }) => duration(largeEventMs, overRaw.largeEvent),
    isMet: ({ overRaw }) => isAtMost(overRaw.largeEvent, 1.3),
  },
  {
    title: "5 MB request",
    goal: "≤ 1.3 × raw",
    show: ({ largeRequestMs, overRaw }) => duration(largeRequestMs, overRaw.largeRequest),
    isMet: ({ overRaw }) => isAtMost(overRaw.largeRequest, 1.3),
  },
];

function duration(ms: number | undefined, overRaw: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${ms.toFixed(0)} ms${times(overRaw)}`;
}

function times(overRaw: number | undefined): string {
  return overRaw === undefined ? "" : ` = ${overRaw.toFixed(2)} ×`;
}

function isAtMost(overRaw: number | undefined, factor: number): boolean {
  return overRaw !== undefined && rounded(overRaw) <= factor;
}

/** As it is shown, so that the table does not contradict itself. */
function rounded(ratio: number): number {
  return Number(ratio.toFixed(2));
}

function megabytes(mebibytes: number): number {
  return (mebibytes * 1024 * 1024) / 1e6;
}
