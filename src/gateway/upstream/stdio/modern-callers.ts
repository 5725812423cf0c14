import { untilAborted } from "../../../core/until-aborted.ts";
import { modernVersionOf, newestLegacyVersion } from "../../../mcp/era.ts";
import type { RequestMessage, ResponseMessage, RpcError } from "../../../mcp/message.ts";
import { isHarmlessToRepeat, methodNotFound } from "../../../mcp/method.ts";
import { ownCodes } from "../../../mcp/own-codes.ts";
import { withCaller } from "../caller-meta.ts";
import { rpcErrorOf, UpstreamFailure } from "../failure.ts";
import { errorAnswer, type UpstreamCall } from "../upstream.ts";
import { createSlot, type Slot } from "./slot.ts";
import { OpeningRefused, type StdioWorld, startServer } from "./start-server.ts";
import type { StdioUpstreamOptions } from "./stdio-upstream.ts";
import type { WireOwner } from "./wire.ts";

/** The callers of the modern era, who have no sessions, and the children that they are with. */
export interface ModernCallers {
  readonly slots: readonly Slot[];
  request(request: RequestMessage, call: UpstreamCall): Promise<ResponseMessage>;
  endIdlest(): Promise<boolean>;
  endIdle(idleMs: number): void;
  close(): Promise<void>;
}

interface Entry {
  readonly slot: Slot;
  usedMs: number;
  busy: number;
}

/** A server may be replaced by one that knows more. */
const verdictMs = 24 * 60 * 60 * 1_000;

/** Returns the callers; each has a child of its own where sessions have, else all share one. */
export function createModernCallers(options: StdioUpstreamOptions & StdioWorld): ModernCallers {
  const { name, isolation, tellsCaller } = options;
  const isExclusive = isolation === "session";
  const entries = new Map<string, Entry>();
  let isLegacyUntilMs = Number.NEGATIVE_INFINITY;

  const start = () => startServer(options, { era: "modern" }, { isExclusive });
  const entryFor = (key: string): Entry => {
    const entry = entries.get(key) ?? { slot: createSlot({ ...options, start }), usedMs: performance.now(), busy: 0 };
    entries.set(key, entry);
    return entry;
  };
  const end = async (key: string, { slot }: Entry): Promise<void> => {
    entries.delete(key);
    await slot.close();
  };
  const ask = async (entry: Entry, request: RequestMessage, { caller, signal, onMessage }: UpstreamCall) => {
    const owner: WireOwner = { callerKey: caller.key, deliver: () => false, isSubscribed: () => false };
    const params = withCaller(request.params, tellsCaller ? caller : undefined);
    const attempt = async () => {
      const { wire } = entry.slot.current ?? (await untilAborted(entry.slot.ready(), signal));
      return wire.request({ ...request, params }, { owner, signal, onMessage, abortCancels: true });
    };
    const before = entry.slot.current;
    try {
      return await attempt();
    } catch (error) {
      const isGone = error instanceof UpstreamFailure && before?.wire.isOpen === false;
      const mayRepeat = isHarmlessToRepeat(request.method) && request.method !== "subscriptions/listen";
      if (!isGone || (error.kind !== "ended" && !(error.kind === "lost" && mayRepeat))) throw error;
      return attempt();
    }
  };
  const idle = (): [string, Entry][] =>
    [...entries]
      .filter(([, { busy, slot }]) => busy === 0 && slot.state === "ready")
      .toSorted(([, one], [, other]) => one.usedMs - other.usedMs);
  return {
    get slots() {
      return [...entries.values()].map(({ slot }) => slot);
    },
    async request(request, call) {
      if (performance.now() < isLegacyUntilMs) return errorAnswer(request.id, legacyOnly(request));
      const entry = entryFor(isExclusive ? call.caller.key : "");
      entry.busy += 1;
      try {
        return await ask(entry, request, call);
      } catch (error) {
        call.signal.throwIfAborted();
        if (!(error instanceof OpeningRefused)) return errorAnswer(request.id, rpcErrorOf(error, name));
        isLegacyUntilMs = performance.now() + verdictMs;
        for (const [key, refused] of entries) void end(key, refused);
        return errorAnswer(request.id, legacyOnly(request));
      } finally {
        entry.busy -= 1;
        entry.usedMs = performance.now();
      }
    },
    async endIdlest() {
      const [oldest] = idle();
      if (oldest === undefined) return false;
      await end(...oldest);
      return true;
    },
    endIdle(idleMs) {
      if (!isExclusive) return;
      const before = performance.now() - idleMs;
      for (const [key, entry] of idle()) if (entry.usedMs < before) void end(key, entry);
    },
    async close() {
      await Promise.all([...entries].map(([key, entry]) => end(key, entry)));
    },
  };
}

/** Agents of both eras go back to `initialize` by themselves when they hear that there is no discovery. */
function legacyOnly(request: RequestMessage): RpcError {
  if (request.method === "server/discover") return methodNotFound;
  const version = modernVersionOf(request) ?? "2026-07-28";
  return {
    code: ownCodes.protocol,
    message: `tsmcp: the caller speaks MCP ${version}, the server ${newestLegacyVersion} or older`,
  };
}
