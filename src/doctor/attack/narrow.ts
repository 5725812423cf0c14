import type { Header } from "../../net/http-message.ts";
import type { Disguise } from "../probe/disguise.ts";
import type { DisguisedTry, Way } from "./attack.ts";

const maxHeadersToBlame = 40;

/**
 * Returns the tries with, where only a bundle of headers got in, the single header of it that did so, in front: that is
 * what must be mended, and what a reader can follow.
 */
export async function narrowed(
  tries: readonly DisguisedTry[],
  how: {
    readonly isLeak: (one: DisguisedTry) => boolean;
    readonly again: (disguise: Disguise, way: Way) => Promise<DisguisedTry>;
  },
): Promise<readonly DisguisedTry[]> {
  const leaks = tries.filter(how.isLeak);
  const [found] = leaks.toSorted((one, other) => one.disguise.headers.length - other.disguise.headers.length);
  if (found === undefined || found.disguise.headers.length < 2) return tries;
  const { disguise, way } = found;
  const candidates = [undefined, ...distinct(disguise.headers)].slice(0, maxHeadersToBlame);
  for (const header of candidates) {
    const single =
      header === undefined
        ? withoutHeaders(disguise)
        : { ...disguise, headers: [header], label: labelOf(disguise, header) };
    if (single === undefined) continue;
    const tried = await how.again(single, way);
    if (how.isLeak(tried)) return [tried, ...tries];
  }
  return tries;
}

/** What is left may be an ordinary request, which got nothing. */
function withoutHeaders(disguise: Disguise): Disguise | undefined {
  const { authority, fillers, absolute, protocol } = disguise;
  if (authority === undefined && absolute === undefined && (fillers ?? []).length === 0 && protocol !== "h1.0") return;
  return { ...disguise, headers: [], label: labelOf(disguise, undefined) };
}

function labelOf({ authority, fillers = [] }: Disguise, header: Header | undefined): string {
  const parts = [
    ...(authority === undefined ? [] : [`Host: ${authority}`]),
    ...fillers.map(({ count }) => `${count.toLocaleString("en")} more header lines`),
    ...(header === undefined ? [] : [`${header[0]}: ${header[1]}`]),
  ];
  return parts.length === 0 ? "no Host" : parts.join(" and ");
}

function distinct(headers: readonly Header[]): Header[] {
  return [...new Map(headers.map((header) => [header.join(": "), header])).values()];
}
