import type { Header } from "../../net/http-message.ts";
import type { Disguise } from "../probe/disguise.ts";
import type { DisguisedTry } from "./attack.ts";
import type { Way } from "./plan.ts";

/**
 * Returns the tries with, where only a bundle of headers got in, the fewest of them that still do so in front: that is what
 * must be mended, and what a reader can follow. Halved again and again: a single one of forty is found in six steps.
 */
export async function narrowed(
  tries: readonly DisguisedTry[],
  how: {
    readonly isLeak: (one: DisguisedTry) => boolean;
    readonly again: (disguise: Disguise, way: Way) => Promise<DisguisedTry>;
  },
): Promise<readonly DisguisedTry[]> {
  const { isLeak, again } = how;
  const [found] = tries
    .filter(isLeak)
    .toSorted((one, other) => one.disguise.headers.length - other.disguise.headers.length);
  if (found === undefined || found.disguise.headers.length < 2) return tries;
  const { disguise, way } = found;
  const bare = withoutHeaders(disguise);
  if (bare !== undefined) {
    const tried = await again(bare, way);
    if (isLeak(tried)) return [tried, ...tries];
  }
  let best: DisguisedTry | undefined;
  let headers = distinct(disguise.headers);
  while (headers.length > 1) {
    const middle = Math.ceil(headers.length / 2);
    const halves = [headers.slice(0, middle), headers.slice(middle)];
    let smaller: DisguisedTry | undefined;
    for (const half of halves) {
      const tried = await again({ ...disguise, headers: half, label: labelOf(disguise, half) }, way);
      if (!isLeak(tried)) continue;
      smaller = tried;
      headers = half;
      break;
    }
    // Each half alone is too little: it takes headers of both.
    if (smaller === undefined) break;
    best = smaller;
  }
  return best === undefined ? tries : [best, ...tries];
}

/** What is left may be an ordinary request, which got nothing. */
function withoutHeaders(disguise: Disguise): Disguise | undefined {
  const { authority, fillers, absolute, protocol } = disguise;
  if (authority === undefined && absolute === undefined && (fillers ?? []).length === 0 && protocol !== "h1.0") return;
  return { ...disguise, headers: [], label: labelOf(disguise, []) };
}

function labelOf({ authority, fillers = [] }: Disguise, headers: readonly Header[]): string {
  const [header] = headers;
  const parts = [
    ...(authority === undefined ? [] : [`Host: ${authority}`]),
    ...fillers.map(({ count }) => `${count.toLocaleString("en")} more header lines`),
    ...(header === undefined ? [] : [`${header[0]}: ${header[1]}`]),
    ...(headers.length > 1 ? [`${headers.length - 1} more headers`] : []),
  ];
  return parts.length === 0 ? "no Host" : parts.join(" and ");
}

function distinct(headers: readonly Header[]): Header[] {
  return [...new Map(headers.map((header) => [header.join(": "), header])).values()];
}
