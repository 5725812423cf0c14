import { randomBytes } from "node:crypto";
import { untilAborted } from "../../../core/until-aborted.ts";
import { legacyVersions, newestLegacyVersion } from "../../../mcp/era.ts";
import { type JsonObject, stringAt } from "../../../mcp/json.ts";
import type { RpcError } from "../../../mcp/message.ts";
import { createWatchdog } from "../../../process/watchdog.ts";
import { rpcErrorOf } from "../failure.ts";
import type { Upstream } from "../upstream.ts";
import { parseHandle } from "./handle.ts";
import { createLegacySessions } from "./legacy-sessions.ts";
import { createModernCallers } from "./modern-callers.ts";
import { createRoom } from "./room.ts";
import { OpeningRefused, type StdioWorld } from "./start-server.ts";

export interface StdioUpstreamOptions extends Omit<StdioWorld, "room" | "watchdog"> {
  /** `shared`: one child for everybody. `pool`: several, each for many. `session`: one each. */
  readonly isolation: "shared" | "session" | "pool";
  readonly tellsCaller: boolean;
  /** Of `pool` and `session`. */
  readonly maxChildren: number;
  /** A child of one session that nobody uses ends after this long; the session has another one when it comes back. */
  readonly idleMs: number;
}

/** MCP 2026-07-28: what a server says to `initialize` when it knows no sessions. */
const unsupportedVersion = -32022;

/**
 * Returns the server that a command starts, for many callers. A child is of one era for good, so a server of both has
 * one for each, where callers of both come.
 */
export function createStdioUpstream(options: StdioUpstreamOptions): Upstream {
  const { name, isolation, maxChildren, idleMs } = options;
  // A child of each era stands for all callers; of children that are one caller's there is a limit.
  const room = createRoom(isolation === "session" ? maxChildren : Number.POSITIVE_INFINITY, async () => {
    return (await sessions.endIdlest()) || (await modern.endIdlest());
  });
  const world = { ...options, room, watchdog: createWatchdog() };
  const sessions = createLegacySessions(world);
  const modern = createModernCallers(world);
  const sweep = setInterval(
    () => {
      if (isolation === "session") sessions.endIdle(idleMs);
      modern.endIdle(idleMs);
    },
    Math.max(idleMs / 10, 1_000),
  ).unref();
  return {
    name,
    state() {
      const states = [...sessions.slots, ...modern.slots].map(({ state }) => state);
      if (states.includes("ready")) return "ready";
      return states.includes("failing") ? "failing" : "idle";
    },
    children: () => [...sessions.slots, ...modern.slots].filter(({ current }) => current !== undefined).length,
    async open(request, { caller, signal }) {
      const params = request.params ?? {};
      const id = randomBytes(9).toString("base64url");
      let close: (() => Promise<void>) | undefined;
      try {
        const handle = { id, place: sessions.bestPlace(), params };
        const { session, slot } = sessions.get(handle, caller, false);
        close = () => session.end();
        const { result } = await untilAborted(slot.ready(), signal);
        return { kind: "opened", session, result: isolation === "session" ? result : resultFor(params, result) };
      } catch (error) {
        void close?.();
        signal.throwIfAborted();
        const rpc = error instanceof OpeningRefused ? refusal(error.rpc) : rpcErrorOf(error, name);
        return { kind: "refused", error: rpc };
      }
    },
    resume(text, caller) {
      const handle = parseHandle(text);
      if (handle === undefined) return undefined;
      const { session } = sessions.get(handle, caller, true);
      return session.caller.key === caller.key ? session : undefined;
    },
    request: (request, call) => modern.request(request, call),
    async close() {
      clearInterval(sweep);
      await Promise.all([sessions.close(), modern.close()]);
      world.watchdog.close();
    },
  };
}

/** Every caller gets the version that it asked for, if the child knows one that is no older. */
function resultFor(params: JsonObject, result: JsonObject): JsonObject {
  const asked = stringAt(params, "protocolVersion") ?? "";
  const agreed = stringAt(result, "protocolVersion") ?? newestLegacyVersion;
  return legacyVersions.includes(asked) && asked < agreed ? { ...result, protocolVersion: asked } : result;
}

function refusal(error: RpcError): RpcError {
  if (error.code !== unsupportedVersion) return error;
  const message = `tsmcp: the caller speaks MCP ${newestLegacyVersion} or older, the server only newer: ${error.message}`;
  return { code: unsupportedVersion, message, data: error.data };
}
