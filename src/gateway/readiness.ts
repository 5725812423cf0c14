import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import { plainLines } from "../core/plain-text.ts";
import { probeUpstream } from "./probe.ts";
import type { Served } from "./visit.ts";

/** Tells for `/readyz` what is not ready. */
export interface Readiness {
  /** Names each upstream that is not, and why, one a line; none: all are. */
  reasons(): Promise<readonly string[]>;
  close(): void;
}

/** Whoever asks for readiness waits a second or so himself; what takes longer is told the next time. */
const waitMs = 900;
const probeTimeoutMs = 30_000;

/** A server at a URL can go without a word. One that we started cannot, and is asked until it answered once. */
const freshMs = 10_000;

interface Look {
  probing: Promise<void> | undefined;
  goodAtMs: number | undefined;
  reason: string;
}

/** Asks upstreams that nobody has called yet, or not lately, for their tools: one that is idle may be there or not. */
export function createReadiness(upstreams: ReadonlyMap<string, Served>): Readiness {
  const looks = new WeakMap<Served, Look>();
  const closing = new AbortController();
  const probe = async ({ upstream }: Served, look: Look): Promise<void> => {
    try {
      const { status, message } = await probeUpstream(upstream, { signal: closing.signal, timeoutMs: probeTimeoutMs });
      look.goodAtMs = status === "pass" ? performance.now() : undefined;
      look.reason = message;
    } catch (error) {
      look.goodAtMs = undefined;
      look.reason = messageOf(error);
    } finally {
      look.probing = undefined;
    }
  };
  const lookAt = async (name: string, served: Served): Promise<string[]> => {
    const { upstream } = served;
    const look = looks.get(served) ?? { probing: undefined, goodAtMs: undefined, reason: "it has not answered yet" };
    looks.set(served, look);
    const isOurs = upstream.children !== undefined;
    const isRunning = isOurs && upstream.state() === "ready";
    const isKnown = look.goodAtMs !== undefined && upstream.state() !== "failing";
    const isFresh = isKnown && (isOurs || performance.now() - (look.goodAtMs ?? 0) < freshMs);
    if (isRunning || isFresh) return [];
    look.probing ??= probe(served, look);
    await Promise.race([look.probing, delay(waitMs, undefined, { ref: false })]);
    return look.goodAtMs === undefined
      ? [`upstream ${JSON.stringify(name)} is not ready: ${oneLine(look.reason)}`]
      : [];
  };
  return {
    reasons: async () => (await Promise.all([...upstreams].map(([name, served]) => lookAt(name, served)))).flat(),
    close: () => closing.abort(new Error("the gateway is ending")),
  };
}

function oneLine(text: string): string {
  return plainLines(text).replaceAll("\n", " ");
}
