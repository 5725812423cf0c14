import type { Flood } from "./flood.ts";
import type { GatewayLoad } from "./gateway.ts";

/** One line of what `gateway.ts` measures: how it is shown, and whether ours, beside the others, is good enough. */
interface Row {
  readonly title: string;
  readonly goal?: string;
  readonly show: (load: GatewayLoad) => string | undefined;
  readonly isMet?: (ours: GatewayLoad, others: readonly GatewayLoad[]) => boolean;
}

const rows: readonly Row[] = [
  {
    title: "call, p50 (p99)",
    goal: "≤ 0.5 ms",
    show: ({ p50Ms, p99Ms }) => `${p50Ms.toFixed(2)} (${p99Ms.toFixed(1)}) ms`,
    isMet: ({ p50Ms }) => Number(p50Ms.toFixed(2)) <= 0.5,
  },
  {
    title: "32 in flight",
    goal: "≥ 3 × the better of the others",
    show: ({ perSecond }) => `${perSecond.toFixed(0)}/s`,
    isMet: ({ perSecond }, others) => perSecond >= 3 * Math.max(...others.map((other) => other.perSecond)),
  },
  { title: "… processor time of the gateway for each", show: ({ cpuMicros }) => `${cpuMicros.toFixed(0)} µs` },
  { title: "call on a connection of its own, p50", show: ({ freshP50Ms }) => `${freshP50Ms.toFixed(2)} ms` },
  { title: "… 32 in flight", show: ({ freshPerSecond }) => `${freshPerSecond.toFixed(0)}/s` },
  {
    title: "memory of all processes after these calls",
    goal: "≤ 130 MB",
    show: ({ loadedMiB }) => `${megabytes(loadedMiB)} MB`,
    isMet: ({ loadedMiB }) => megabytes(loadedMiB) <= 130,
  },
  {
    title: "50 more sessions",
    goal: "≤ 50 ms, no process, ≤ + 5 MB",
    show: ({ sessionsMs, sessionsProcesses, sessionsMiB }) =>
      `${sessionsMs.toFixed(0)} ms, ${sessionsProcesses} processes, ${signed(megabytes(sessionsMiB))} MB`,
    isMet: ({ sessionsMs, sessionsProcesses, sessionsMiB }) =>
      Math.round(sessionsMs) <= 50 && sessionsProcesses === 0 && megabytes(sessionsMiB) <= 5,
  },
  {
    title: "5 MB request",
    goal: "answered",
    show: ({ largeMs }) => (largeMs === undefined ? "not answered" : `${largeMs.toFixed(0)} ms`),
    isMet: ({ largeMs }) => largeMs !== undefined,
  },
  {
    title: "1,000 sessions with an open stream each, over idle",
    goal: "≤ 150 MB",
    show: ({ streamsMiB }) => (streamsMiB === undefined ? undefined : `${megabytes(streamsMiB)} MB`),
    isMet: ({ streamsMiB }) => streamsMiB !== undefined && megabytes(streamsMiB) <= 150,
  },
  {
    title: "… p99 of calls",
    goal: "≤ 3 × idle",
    show: ({ streamsP99 }) => (streamsP99 === undefined ? undefined : `${streamsP99.toFixed(1)} ×`),
    isMet: ({ streamsP99 }) => streamsP99 !== undefined && Number(streamsP99.toFixed(1)) <= 3,
  },
];

/** Returns the README's part: ours, which is the first, and the others side by side, and which goals were met. */
export function gatewayPart(
  machine: string,
  { loads, floods }: { readonly loads: Readonly<Record<string, GatewayLoad>>; readonly floods: readonly Flood[] },
): string {
  const [ours, ...others] = Object.values(loads);
  if (ours === undefined) throw new Error("no gateway was measured");
  const head = ["", "goal", ...Object.keys(loads)];
  const lines = rows.map(({ title, goal = "", show, isMet }) => [
    title,
    goal,
    isMet === undefined ? (show(ours) ?? "failed") : judged(show(ours), isMet(ours, others)),
    ...others.map((other) => show(other) ?? "—"),
  ]);
  const table = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return [machine, "", ...table, "", floodSentence(floods)].join("\n");
}

function floodSentence(floods: readonly Flood[]): string {
  const each = floods.map(({ shape, askedPerSecond, p99Times, idleTimes }) => {
    const text = judged(`${p99Times.toFixed(2)} ×`, Number(p99Times.toFixed(2)) <= 2);
    return `${shape} (${askedPerSecond.toFixed(0)}/s) ${text} (${idleTimes.toFixed(2)} ×)`;
  });
  return `The public listener flooded, p99 of calls on the private one as a multiple of what it was without (goal: ≤ 2 ×; in brackets beside the same flood on a listener of another process that does next to nothing, which is what its sender and the machine cost): ${each.join(", ")}.`;
}

function judged(text: string | undefined, isMet: boolean): string {
  return text === undefined ? "failed" : isMet ? `**${text}**` : `${text}, **missed**`;
}

function megabytes(mebibytes: number): number {
  return Math.round((mebibytes * 1024 * 1024) / 1e6);
}

function signed(value: number): string {
  return value < 0 ? `− ${-value}` : `+ ${value}`;
}
