import { isDeepStrictEqual } from "node:util";
import type { LockedServer } from "./lock.ts";

/** How a server differs from what was locked. */
export interface LockDrift {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Tools with the same name and another definition. */
  readonly changed: readonly string[];
  /** What else differs: `serverInfo`, `capabilities`, `instructions`, `protocolVersion`. */
  readonly other: readonly string[];
}

/** Returns how `now` differs from `locked`. The order of tools, and of keys within them, does not count. */
export function driftOf(locked: LockedServer, now: LockedServer): LockDrift {
  const [before, after] = [toolsByName(locked), toolsByName(now)];
  const others = ["protocolVersion", "serverInfo", "capabilities", "instructions"] as const;
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: [...after]
      .filter(([name, tool]) => before.has(name) && !isSame(before.get(name), tool))
      .map(([name]) => name),
    other: others.filter((key) => !isSame(locked[key], now[key])),
  };
}

export function hasDrift({ added, removed, changed, other }: LockDrift): boolean {
  return [added, removed, changed, other].some((list) => list.length > 0);
}

function toolsByName({ tools }: LockedServer): ReadonlyMap<string, unknown> {
  return new Map(tools.map((tool) => [String(tool.name), tool]));
}

/** As JSON: an object without a prototype is one as any other, and the order of keys does not count. */
export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
