import type { Manner } from "../probe/look.ts";
import type { Ruse } from "./attack.ts";

/** How one request asks: by an opening of its own, or within a session that was opened without a disguise. */
export type Way = Manner | "within";

export interface Terms {
  /** The ways that lead to the tools, the cheapest first. */
  readonly manners: readonly Manner[];
  /** Whether nothing is listed but within a session. */
  readonly needsSession: boolean;
  /** Whether what a session sees is decided when it is opened, and for good. */
  readonly isFixed: boolean;
  /** How many requests there are for all of it. */
  readonly share: number;
}

export interface Plan {
  readonly steps: readonly { readonly ruse: Ruse; readonly ways: readonly Way[] }[];
  /** How many ruses that were tried within a session may open one of their own afterwards. */
  readonly openingsLeft: number;
}

/**
 * Returns by which ways each ruse is tried: once by the cheapest way that can show anything, and the strong ones by every way
 * for as long as the share lasts. Where each try costs a session, the last in line are left out.
 */
export function planned(ruses: readonly Ruse[], { manners, needsSession, isFixed, ...terms }: Terms): Plan {
  const share = isFixed ? Math.floor(terms.share * shareOfFixed) : terms.share;
  const cheapest: Way | undefined = needsSession && !isFixed ? "within" : manners[0];
  if (cheapest === undefined) return { steps: [], openingsLeft: 0 };
  const price = costOf(cheapest);
  const affordable = price === 1 ? ruses : ruses.slice(0, Math.floor(share / price));
  let left = share - affordable.length * price;
  const others = manners.filter((manner) => manner !== cheapest);
  const costOfOthers = others.reduce((sum, way) => sum + costOf(way), 0);
  const steps = affordable.map((ruse) => {
    if (ruse.isStrong !== true || costOfOthers > left) return { ruse, ways: [cheapest] };
    left -= costOfOthers;
    return { ruse, ways: [cheapest, ...others] };
  });
  const [opening] = manners;
  const canOpen = cheapest === "within" && opening !== undefined && left > 0;
  return { steps, openingsLeft: canOpen ? Math.floor(left / costOf(opening)) : 0 };
}

/** Where a session can be lent, a flaw is found already; the others cost three requests for each ruse. */
const shareOfFixed = 1.25;

/** The requests of one try: open, list, end; and before the list the word that it is initialized, where that is waited for. */
function costOf(way: Way): number {
  if (way === "within" || way.opening !== "legacy" || way.wantsSession === true) return 1;
  return way.confirms === true ? 4 : 3;
}
