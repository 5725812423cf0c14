import type { Group, Status } from "../check.ts";
import type { CheckResult } from "../engine.ts";
import { type Markup, markup } from "./markup.ts";

/** One station on a way, and what its checks came to. */
interface Hop {
  readonly group: Group | undefined;
  readonly label: string;
  readonly state: Status | "absent";
  /** In the place of the usual word for the state. */
  readonly word?: string;
}

/** Worst first. */
const order: readonly Status[] = ["fail", "unknown", "warn", "pass", "skip"];
const words: Readonly<Record<Status | "absent", string>> = {
  fail: "broken",
  unknown: "could not tell",
  warn: "to look at",
  pass: "well",
  skip: "not reached",
  absent: "not looked at",
};

const doorWords: Readonly<Record<Status | "absent", string>> = {
  ...words,
  fail: "lets strangers in",
  warn: "shows nothing",
  pass: "shows nothing",
};

/** Returns the picture of both ways to the server, the agent's and the stranger's, for a wide page and for a phone. */
export function pathPicture(checks: readonly CheckResult[], id: string): Markup {
  const hop = (group: Group, label: string): Hop => ({ group, label, state: stateOf(checks, group) });
  const inside = [
    hop("platform", "this machine"),
    hop("tailscale", "tailscaled"),
    hop("proxy", "proxy"),
    hop("tailnet", "server, 8443"),
  ];
  const outside: Hop = { group: undefined, label: "a stranger", state: "absent", word: "on the internet" };
  const door = worst([stateOf(checks, "public"), stateOf(checks, "separation")]);
  const server: Hop = { group: "public", label: "server, 443", state: door, word: doorWords[door] };
  const told = `${tellInside(inside)} ${tellOutside(door, checks)}`;
  return markup`<figure>
${wide({ inside, outside, server, told, id: `${id}-wide` })}
${tall({ inside, outside, server, told, id: `${id}-tall` })}
<figcaption class="soft">${told}</figcaption>
</figure>`;
}

interface Picture {
  readonly inside: readonly Hop[];
  readonly outside: Hop;
  readonly server: Hop;
  readonly told: string;
  readonly id: string;
}

const box = { width: 150, height: 56 } as const;

function wide({ inside, outside, server, told, id }: Picture): Markup {
  const xOf = (at: number): number => 5 + at * 195;
  const [top, bottom] = [8, 124];
  const broken = brokenAt(inside);
  const ways = inside.slice(1).map((_, at) => {
    const line = { x1: xOf(at) + box.width, y1: top + box.height / 2, x2: xOf(at + 1), y2: top + box.height / 2 };
    return way(line, wayState(at + 1, broken, inside));
  });
  const street = { x1: xOf(0) + box.width, y1: bottom + box.height / 2, x2: xOf(3), y2: bottom + box.height / 2 };
  return markup`<svg class="wide" viewBox="0 0 745 190" role="img" aria-labelledby="${id}"><title id="${id}">${told}</title>
${inside.map((hop, at) => station(hop, { x: xOf(at), y: top, width: box.width }, at === 0 && broken === 0))}
${ways}
${station(outside, { x: xOf(0), y: bottom, width: box.width }, false)}
${station(server, { x: xOf(3), y: bottom, width: box.width }, false)}
${door(street, server.state)}
</svg>`;
}

function tall({ inside, outside, server, told, id }: Picture): Markup {
  const step = 92;
  const place = (y: number) => ({ x: 5, y, width: 320 });
  const broken = brokenAt(inside);
  const yOf = (at: number): number => 5 + at * step;
  const below = yOf(inside.length) + 10;
  const down = (y: number) => ({ x1: 165, y1: y + box.height, x2: 165, y2: y + step });
  return markup`<svg class="tall" viewBox="0 0 330 ${below + step + box.height + 5}" role="img" aria-labelledby="${id}"><title id="${id}">${told}</title>
${inside.map((hop, at) => station(hop, place(yOf(at)), at === 0 && broken === 0))}
${inside.slice(1).map((_, at) => way(down(yOf(at)), wayState(at + 1, broken, inside)))}
${station(outside, place(below), false)}
${station(server, place(below + step), false)}
${door(down(below), server.state)}
</svg>`;
}

function station(
  { label, state, word = words[state] }: Hop,
  { x, y, width }: { readonly x: number; readonly y: number; readonly width: number },
  isBroken: boolean,
): Markup {
  const middle = x + width / 2;
  return markup`<g class="hop ${state}"><rect x="${x}" y="${y}" width="${width}" height="${box.height}" rx="8"/>
<text x="${middle}" y="${y + 24}" text-anchor="middle">${label}</text>
<text class="state" x="${middle}" y="${y + 43}" text-anchor="middle">${word}</text>
${isBroken ? cross({ x: x + 14, y: y + 14 }) : []}</g>`;
}

interface Line {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

function way(line: Line, state: "open" | "broken" | "cut"): Markup {
  const { x1, y1, x2, y2 } = line;
  const look = { open: "pass", broken: "fail", cut: "skip cut" }[state];
  return markup`<g class="${look}"><path class="way ${state === "open" ? "" : "cut"}" d="M${x1} ${y1}L${x2} ${y2}"/>
${state === "broken" ? cross(middleOf(line)) : []}</g>`;
}

/** The stranger's way ends at a bar where the public side shows nothing, and goes through where it does. */
function door(line: Line, state: Hop["state"]): Markup {
  const { x1, y1, x2, y2 } = line;
  const { x, y } = middleOf(line);
  const isOpen = state === "fail";
  const isShut = state === "pass" || state === "warn";
  const isLevel = y1 === y2;
  const [dx, dy] = isLevel ? [0, 14] : [60, 0];
  const bar = markup`<path class="mark" d="M${x - dx} ${y - dy}L${x + dx} ${y + dy}"/>`;
  return markup`<g class="${isOpen ? "fail" : isShut ? "pass" : "skip"}"><path class="way ${isOpen ? "" : "cut"}" d="M${x1} ${y1}L${x2} ${y2}"/>
${isShut ? bar : []}</g>`;
}

function cross({ x, y }: { readonly x: number; readonly y: number }): Markup {
  return markup`<path class="mark" d="M${x - 7} ${y - 7}L${x + 7} ${y + 7}M${x - 7} ${y + 7}L${x + 7} ${y - 7}"/>`;
}

function middleOf({ x1, y1, x2, y2 }: Line): { readonly x: number; readonly y: number } {
  return { x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}

/** The first hop that failed, or could not be told where what follows needs it; -1 where none is. */
function brokenAt(hops: readonly Hop[]): number {
  const failed = hops.findIndex(({ state }) => state === "fail");
  return failed === -1 ? hops.findIndex(({ state }) => state === "unknown") : failed;
}

function wayState(at: number, broken: number, hops: readonly Hop[]): "open" | "broken" | "cut" {
  if (at === broken) return "broken";
  if (broken !== -1 && at > broken) return "cut";
  return hops[at]?.state === "absent" ? "cut" : "open";
}

function tellInside(hops: readonly Hop[]): string {
  const broken = hops[brokenAt(hops)];
  if (broken !== undefined) return `The agent's way to the tools breaks at: ${broken.label}.`;
  const end = hops.at(-1)?.state;
  return end === "pass" || end === "warn"
    ? "The agent's way to the tools is whole."
    : "The agent's way was not looked at to its end.";
}

function tellOutside(state: Hop["state"], checks: readonly CheckResult[]): string {
  if (state === "fail") return "A stranger on the internet gets in.";
  const isOpen = !checks.some(({ id, status }) => id === "public.tools" && status === "pass");
  if (isOpen || state === "unknown") return "What a stranger on the internet sees is not known.";
  const isTried = checks.some(({ id, status }) => id === "separation.host-header" && status === "pass");
  return isTried
    ? "A stranger on the internet sees nothing."
    : "A stranger who asks plainly sees nothing; forged requests were not tried.";
}

function stateOf(checks: readonly CheckResult[], group: Group): Status | "absent" {
  return worst(checks.filter((check) => check.group === group).map(({ status }) => status));
}

function worst(states: readonly (Status | "absent")[]): Status | "absent" {
  return order.find((state) => states.includes(state)) ?? "absent";
}
