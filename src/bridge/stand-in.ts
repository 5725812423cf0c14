import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { type JsonObject, stringAt } from "../mcp/json.ts";
import { type RequestMessage, requestText } from "../mcp/message.ts";
import { methodNotFound } from "../mcp/method.ts";
import type { Agent } from "./agent.ts";
import type { Carrier } from "./carrier.ts";
import type { Catalogue } from "./catalogue.ts";
import { earlyDiscover, lists } from "./early-answer.ts";
import type { Pending } from "./in-flight.ts";
import type { Memory } from "./memory.ts";
import type { EarlyTimes, Opening } from "./opening.ts";
import type { SentRequest } from "./own-request.ts";
import { innerCall, ownToolOf } from "./own-tools.ts";
import { Unavailable } from "./patience.ts";
import { Refused } from "./refused.ts";
import type { Session } from "./session.ts";
import { tellStatus } from "./status-tool.ts";
import type { Way } from "./way.ts";

/** The bridge in the server's place, for what it can say before the server can be asked. */
export interface StandIn {
  /** True for a request that the bridge may have something to say to. */
  concerns(message: RequestMessage): boolean;
  /** Answers what the server cannot or need not be asked; else returns what to send, which may be another call. */
  answerInstead(sent: SentRequest, pending: Pending, passed: Promise<void>): Promise<SentRequest | "answered">;
  /** Answers a request that failed with what is known from before; false where nothing is. */
  answerAfter(error: unknown, sent: SentRequest, pending: Pending): Promise<boolean>;
  /** Tells the agent of lists that it has and that may be different now. */
  announce(scope: "early" | "all"): Promise<void>;
}

export function createStandIn(context: {
  readonly way: Way;
  readonly session: Session;
  readonly opening: Opening;
  readonly carrier: Carrier;
  readonly catalogue: Catalogue;
  readonly memory: Memory;
  readonly agent: Agent;
  readonly log: Log;
  readonly env: Environment;
  readonly socket: string | undefined;
  readonly url: URL;
  readonly times: EarlyTimes;
  readonly signal: AbortSignal;
}): StandIn {
  const { way, session, opening, carrier, catalogue, memory, agent, log, times, signal } = context;
  let recovering = false;

  const tellList = async (method: string, pending: Pending): Promise<boolean> => {
    const result = await catalogue.tellEarly(method, pending.isModern);
    if (!pending.settle()) return false;
    await agent.answer(pending.id, result);
    pending.stop.abort(new Error("answered early"));
    return true;
  };
  /** Lists share the opening's deadline, as long as the server was never heard of. */
  const listBy = (sent: SentRequest, pending: Pending): void => {
    if (way.hasAnswered || (session.current !== undefined && !opening.isPending)) return;
    const leastMs = opening.isEarly ? 0 : times.knownAfterMs;
    const waitMs = Math.max(times.startedAt + times.latestMs - performance.now(), leastMs);
    delay(waitMs, undefined, { signal: pending.stop.signal })
      .then(() => (way.hasAnswered ? undefined : tellList(sent.message.method, pending)))
      .catch(() => {});
  };
  const discoverBy = (sent: SentRequest, pending: Pending): void => {
    const give = async (isLast: boolean): Promise<void> => {
      const known = await memory.recall();
      const result = earlyDiscover(known);
      if (result === undefined && known?.isLegacyOnly !== true && !isLast) return;
      if (!pending.settle()) return;
      // An agent of both eras then falls back to `initialize`, which is answered.
      if (result === undefined) await agent.fail(pending.id, methodNotFound);
      else await agent.answer(pending.id, result);
      pending.stop.abort(new Error("answered early"));
      recover(sent.message);
    };
    const latestAt = Math.max(times.startedAt + times.latestMs, performance.now() + times.knownAfterMs);
    delay(times.knownAfterMs, undefined, { signal: pending.stop.signal })
      .then(() => give(false))
      .then(() => delay(latestAt - performance.now(), undefined, { signal: pending.stop.signal }))
      .then(() => give(true))
      .catch(() => {});
  };

  const answerCall = async (
    sent: SentRequest,
    pending: Pending,
    text: string,
    isError: boolean,
  ): Promise<"answered"> => {
    const result: JsonObject = {
      ...(pending.isModern ? { resultType: "complete" } : {}),
      content: [{ type: "text", text }],
      isError,
    };
    if (pending.settle()) await agent.answer(sent.message.id, result);
    return "answered";
  };

  const announce = async (scope: "early" | "all"): Promise<void> => {
    // In the modern era what nobody subscribed to is forbidden.
    if (session.current === undefined || signal.aborted) return;
    const without = opening.difference?.emptyLists ?? [];
    for (const method of catalogue.outdated(scope, without)) await agent.notify(method);
  };
  /** After a list from memory in mid-session: somebody has to notice when the server is back. */
  const recover = (like: RequestMessage): void => {
    if (recovering || opening.isPending) return;
    recovering = true;
    carrier
      .untilAnswered(like)
      .then(() => announce("early"))
      .catch((error: unknown) => {
        if (!signal.aborted) log.debug(`stopped looking for the server: ${String(error)}`);
      })
      .finally(() => {
        recovering = false;
      });
  };
  return {
    announce,
    concerns: (message) => message.method !== "tools/call" || ownToolOf(message) !== undefined,
    async answerInstead(sent, pending, passed) {
      const { message } = sent;
      passed.catch(() => {});
      if (lists[message.method] !== undefined) {
        if (!opening.isPending && opening.difference?.emptyLists.includes(message.method) === true) {
          if (pending.settle()) await agent.answer(pending.id, { [lists[message.method]?.key ?? ""]: [] });
          return "answered";
        }
        listBy(sent, pending);
      }
      if (message.method === "server/discover") discoverBy(sent, pending);
      if (
        opening.isPending &&
        opening.isEarly &&
        (message.method === "ping" || message.method === "logging/setLevel")
      ) {
        session.restoration.granted(message);
        if (pending.settle()) await agent.answer(pending.id, {});
        return "answered";
      }
      const own = ownToolOf(message);
      if (own === undefined || !catalogue.isOwnTool(own)) return sent;
      if (own === "tsmcp_status")
        return answerCall(
          sent,
          pending,
          await tellStatus(message, passed, { ...context, startedAt: times.startedAt }),
          false,
        );
      const inner = innerCall(message);
      if ("defect" in inner) return answerCall(sent, pending, inner.defect, true);
      return { message: inner, bytes: requestText(inner.id, inner.method, inner.params) };
    },
    async answerAfter(error, sent, pending) {
      if (lists[sent.message.method] === undefined || stringAt(sent.message.params, "cursor") !== undefined)
        return false;
      const isAway =
        error instanceof Unavailable ||
        (error instanceof Refused && opening.isPending) ||
        (error instanceof TsmcpError && error.code === "dial-failed");
      if (!isAway || !(await tellList(sent.message.method, pending))) return false;
      recover(sent.message);
      return true;
    },
  };
}
