import { goals } from "./goals.ts";
import type { Load } from "./load.ts";
import type { Soak } from "./soak.ts";
import type { Summary } from "./statistics.ts";

/** What one whole run measured. */
export interface Measurements {
  readonly machine: string;
  /** By the Node that ran them, then by contestant. */
  readonly starts: Readonly<Record<string, Readonly<Record<string, Summary>>>>;
  readonly loads: Readonly<Record<string, Load>>;
  readonly soak: Soak;
}

/** Who is who in the results. */
export interface Names {
  readonly ours: string;
  readonly emptyNode: string;
  readonly raw: string;
  /** The one that the goals are set against. */
  readonly rival: string;
}

/** Returns the README's part: the machine, the contestants side by side, and which goals were met. */
export function measuredPart(measured: Measurements, names: Names): string {
  const bridges = Object.keys(measured.loads).filter((name) => name !== names.raw);
  const head = ["", "goal", ...bridges, names.raw];
  const rows = [...startRows(measured, names, bridges), ...loadRows(measured, names, bridges)];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [measured.machine, "", ...lines, "", soakSentence(measured.soak)].join("\n");
}

function startRows({ starts }: Measurements, names: Names, bridges: readonly string[]): string[][] {
  return Object.entries(starts).map(([node, summaries]) => {
    const floor = summaries[names.emptyNode]?.median;
    const over = (name: string): number | undefined => difference(summaries[name]?.median, floor);
    return [
      `start to the server's answer to \`initialize\`, over an empty ${node}`,
      "≤ + 45 ms",
      ...bridges.map((name) => {
        const ms = over(name);
        const text = ms === undefined ? undefined : `+ ${ms.toFixed(0)} ms`;
        return name === names.ours ? judged(text, ms === undefined ? false : Math.round(ms) <= 45) : shown(text);
      }),
      floor === undefined ? "—" : `(${floor.toFixed(0)} ms)`,
    ];
  });
}

function loadRows({ loads }: Measurements, names: Names, bridges: readonly string[]): string[][] {
  const [raw, rival] = [loads[names.raw], loads[names.rival]];
  if (raw === undefined) throw new Error(`"${names.raw}" was not measured`);
  return goals.map(({ title, goal, show, isMet }) => [
    title,
    goal,
    ...bridges.map((name) => {
      const load = loads[name];
      const text = load && show(load);
      return load !== undefined && name === names.ours ? judged(text, isMet(load, rival)) : shown(text);
    }),
    shown(withoutRatio(show(raw))),
  ]);
}

function soakSentence(soak: Soak): string {
  const { calls, restarts, results, mayHaveRun, otherErrors, lost, executedTwice, leakedHandles } = soak;
  const n = (value: number): string => value.toLocaleString("en");
  return (
    `Soak: ${n(calls)} calls while the server was killed and started again ${n(restarts)} times gave ${n(results)} results, ` +
    `${n(mayHaveRun)} errors that say the call may have run and ${n(otherErrors)} that say it did not; ` +
    `${n(lost)} were lost, ${n(executedTwice)} executed twice, ${n(leakedHandles)} handles leaked.`
  );
}

function judged(text: string | undefined, isMet: boolean): string {
  return text === undefined ? "failed" : isMet ? `**${text}**` : `${text}, **missed**`;
}

function shown(text: string | undefined): string {
  return text ?? "—";
}

function difference(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other;
}

function withoutRatio(text: string | undefined): string | undefined {
  return text?.replace(/ = [\d.]+ ×/, "");
}
