import { version } from "../../../core/version.ts";
import { newestLegacyVersion } from "../../../mcp/era.ts";
import type { JsonObject } from "../../../mcp/json.ts";
import type { NotificationMessage } from "../../../mcp/message.ts";
import type { UpstreamCaller } from "../upstream.ts";
import type { StdioHandle } from "./handle.ts";
import { handleText } from "./handle.ts";
import { createStdioSession, type StdioSession } from "./session.ts";
import { createSlot, type Slot } from "./slot.ts";
import { type RunningServer, type StdioWorld, startServer } from "./start-server.ts";
import type { StdioUpstreamOptions } from "./stdio-upstream.ts";
import type { WireOwner } from "./wire.ts";

/** The sessions of a stdio server's callers, and the children that they are with. */
export interface LegacySessions {
  readonly slots: readonly Slot[];
  /** Returns the session of that handle, made anew where it is not known. */
  get(handle: StdioHandle, caller: UpstreamCaller, isResumed: boolean): { session: StdioSession; slot: Slot };
  /** The place where the fewest sessions are. */
  bestPlace(): number;
  /** Ends the child of the session that is unused for longest, where there is one that nobody uses now. */
  endIdlest(): Promise<boolean>;
  /** Ends the children that were not used for `idleMs`; their sessions have others when they come back. */
  endIdle(idleMs: number): void;
  close(): Promise<void>;
}

interface Entry {
  readonly session: StdioSession;
  readonly slot: Slot;
  readonly place: number;
}

/** The gateway asks in its own name where a child is not one caller's. */
const sharedParams: JsonObject = {
  protocolVersion: newestLegacyVersion,
  capabilities: {},
  clientInfo: { name: "tsmcp-gateway", version },
};

const initialized: NotificationMessage = {
  kind: "notification",
  method: "notifications/initialized",
  params: undefined,
};

const nobody: WireOwner = { callerKey: undefined, deliver: () => false, isSubscribed: () => false };

/** A session at a shared child is some hundred bytes here. */
const maxSessions = 10_000;

export function createLegacySessions(options: StdioUpstreamOptions & StdioWorld): LegacySessions {
  const { isolation, maxChildren } = options;
  const isExclusive = isolation === "session";
  const entries = new Map<string, Entry>();
  const at = (place: number): StdioSession[] =>
    [...entries.values()].filter((entry) => entry.place === place).map(({ session }) => session);

  const sharedSlot = (place: number): Slot =>
    createSlot({
      ...options,
      async start() {
        const opening = { era: "legacy", params: sharedParams, owner: nobody } as const;
        const server = await startServer(options, opening, { isExclusive });
        server.wire.notify(initialized, nobody);
        return server;
      },
      onStarted: async (server) => void (await Promise.all(at(place).map((session) => session.restore(server)))),
      isWanted: () => at(place).some(({ isListening }) => isListening),
    });
  const places = isExclusive ? 0 : isolation === "pool" ? maxChildren : 1;
  const shared = Array.from({ length: places }, (_, place) => sharedSlot(place));

  /** A child for one session alone, opened with the caller's own words. */
  const ownSlot = (params: JsonObject, session: () => StdioSession): Slot =>
    createSlot({
      ...options,
      async start(): Promise<RunningServer> {
        const { owner, isInitialized } = session();
        const server = await startServer(options, { era: "legacy", params, owner }, { isExclusive });
        // The first time the caller says so itself.
        if (isInitialized) server.wire.notify(initialized, owner);
        return server;
      },
      onStarted: (server) => session().restore(server),
      isWanted: () => session().isListening,
    });
  const create = (handle: StdioHandle, caller: UpstreamCaller, isResumed: boolean): Entry => {
    const { id, params } = handle;
    // What was sealed where there were more children has a place here too.
    const place = isExclusive ? 0 : handle.place % places;
    const slot = shared[place] ?? ownSlot(params, () => session);
    const session = createStdioSession({
      ...options,
      id,
      handle: handleText(handle),
      caller,
      slot,
      isExclusive,
      isResumed,
      onUse: () => void (entries.has(id) || entries.set(id, entry)),
      isSharedSubscription: (uri) => at(place).some((other) => other !== session && other.owner.isSubscribed(uri)),
      async onEnd() {
        entries.delete(id);
        if (isExclusive) await slot.close();
      },
    });
    const entry = { session, slot, place };
    return entry;
  };
  const idle = (): Entry[] =>
    [...entries.values()]
      .filter(({ session, slot }) => !session.isBusy && slot.state === "ready")
      .toSorted((one, other) => one.session.usedMs - other.session.usedMs);
  /** Whoever still has it may go on using it, and is known again then. */
  const forgetOne = (): void => {
    for (const [id, { session, slot }] of entries) {
      if (session.isBusy) continue;
      entries.delete(id);
      if (isExclusive) void slot.rest();
      else slot.current?.wire.detach(session.owner);
      return;
    }
  };
  return {
    get slots() {
      return isExclusive ? [...entries.values()].map(({ slot }) => slot) : shared;
    },
    get(handle, caller, isResumed) {
      const found = entries.get(handle.id);
      if (found !== undefined) return found;
      if (entries.size >= maxSessions) forgetOne();
      const entry = create(handle, caller, isResumed);
      entries.set(handle.id, entry);
      return entry;
    },
    bestPlace() {
      if (shared.length <= 1) return 0;
      const counts = shared.map((_, place) => at(place).length);
      return Math.max(counts.indexOf(Math.min(...counts)), 0);
    },
    async endIdlest() {
      const [oldest] = idle();
      await oldest?.slot.rest();
      return oldest !== undefined;
    },
    endIdle(idleMs) {
      const before = performance.now() - idleMs;
      for (const { session, slot } of idle()) if (session.usedMs < before) void slot.rest();
    },
    async close() {
      const all = isExclusive ? [...entries.values()].map(({ slot }) => slot) : shared;
      entries.clear();
      await Promise.all(all.map((slot) => slot.close()));
    },
  };
}
