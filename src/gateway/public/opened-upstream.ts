import { messageOf } from "../../core/errors.ts";
import { isObject } from "../../core/json-object.ts";
import type { Log } from "../../core/log.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import type { JsonObject } from "../../mcp/json.ts";
import { createPace } from "../pace.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { createOwnSession } from "./own-session.ts";
import { type PinnedTool, pinDefect } from "./pins.ts";
import { writtenResult } from "./written-result.ts";

/** One upstream of which the internet may call tools. */
export interface OpenedUpstream {
  /** What is shown: the pinned tools, but for those that are known to be others by now. */
  tools(): readonly JsonObject[];
  /** The tool of that name, unless it is known to be another by now. */
  find(name: unknown): PinnedTool | undefined;
  call(tool: PinnedTool, args: unknown, signal: AbortSignal): Promise<Called>;
  close(): Promise<void>;
}

export type Called =
  | { readonly kind: "result"; readonly result: JsonObject }
  /** The live definition is not the pinned one. */
  | { readonly kind: "unpinned" }
  | { readonly kind: "invalid" }
  | { readonly kind: "busy" }
  | { readonly kind: "failed" };

/** Strangers together, on one server: an agent makes some calls a minute. */
const ownPace = { perSecond: 10, burst: 20, maxWaiting: 20 };

/** A stranger waits no longer. */
const callTimeoutMs = 60_000;

/** A server that changes its tools without a word is found out this soon, also when nobody calls. */
const lookEveryMs = 15_000;

/** A tool whose pattern took so long rests, because the next one would take as long. */
const restMs = 60_000;

/** Returns the upstream, whose child or session nobody else uses; looks at once whether its tools are what was pinned. */
export function openUpstream(
  upstream: Upstream,
  pins: readonly PinnedTool[],
  { log }: { readonly log: Log },
): OpenedUpstream {
  const byName = new Map(pins.map((pin) => [pin.name, pin]));
  const differing = new Set<string>();
  const restingUntilMs = new Map<string, number>();
  const pace = createPace(ownPace);
  const closing = new AbortController();
  const session = createOwnSession(upstream, { onChange: () => void look().catch(() => {}), signal: closing.signal });
  let looking: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let isLost = false;

  const compare = async (): Promise<void> => {
    const live = await session.tools();
    for (const pin of pins) {
      const { name } = pin;
      const defect = pinDefect(pin, live);
      if ((defect !== undefined) === differing.has(name)) continue;
      if (defect === undefined) {
        differing.delete(name);
        log.warn(`${upstream.name}/${name} is what was pinned again, and OPEN TO THE INTERNET`);
      } else {
        differing.add(name);
        log.warn(`${upstream.name}/${name} is closed to the internet: ${defect}`);
      }
    }
  };
  const begin = async (): Promise<void> => {
    try {
      await compare();
      isLost = false;
    } catch (error) {
      if (!isLost && !closing.signal.aborted) log.warn(`${upstream.name} cannot be looked at: ${messageOf(error)}`);
      isLost = true;
      throw error;
    } finally {
      looking = undefined;
    }
  };
  /** Whoever comes while one look is under way waits for the next: the present one may have seen what was before. */
  const look = (): Promise<void> => {
    if (looking === undefined) {
      looking = begin();
      return looking;
    }
    queued ??= looking
      .catch(() => {})
      .then(() => {
        queued = undefined;
        return look();
      });
    return queued;
  };
  void look().catch(() => {});
  const timer = setInterval(() => void look().catch(() => {}), lookEveryMs).unref();

  const judge = ({ name, judgeArguments }: PinnedTool, args: unknown): Called | undefined => {
    if ((restingUntilMs.get(name) ?? 0) > performance.now()) return { kind: "busy" };
    const fit = isObject(args) ? judgeArguments(args) : "misfits";
    if (fit === "fits") return undefined;
    if (fit === "misfits") return { kind: "invalid" };
    restingUntilMs.set(name, performance.now() + restMs);
    log.warn(
      `${upstream.name}/${name} rests for a minute: a pattern of its schema takes too long on what a caller sent`,
    );
    return { kind: "busy" };
  };
  return {
    tools: () => pins.filter(({ name }) => !differing.has(name)).map(({ shown }) => shown),
    find: (name) => (typeof name === "string" && !differing.has(name) ? byName.get(name) : undefined),
    async call(tool, args, signal) {
      const turn = pace.turn();
      if (!(turn === true || (turn !== false && (await turn)))) return { kind: "busy" };
      const refused = judge(tool, args);
      if (refused !== undefined) return refused;
      try {
        await look();
        if (differing.has(tool.name)) return { kind: "unpinned" };
        const ending = AbortSignal.any([signal, timeoutSignal(callTimeoutMs)]);
        const { outcome } = await session.call({ name: tool.name, arguments: args }, ending);
        const result = "result" in outcome ? writtenResult(outcome.result, tool) : undefined;
        return result === undefined ? { kind: "failed" } : { kind: "result", result };
      } catch {
        return { kind: "failed" };
      }
    },
    async close() {
      clearInterval(timer);
      closing.abort(new Error("the gateway is ending"));
      await upstream.close();
    },
  };
}
