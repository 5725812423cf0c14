import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import type { Answer } from "../mcp/endpoint.ts";
import { eraMismatch } from "../mcp/era-mismatch.ts";
import type { JsonObject } from "../mcp/json.ts";
import type { ResponseMessage, RpcError } from "../mcp/message.ts";
import { ownCodes } from "../mcp/own-codes.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import { deliver } from "./delivery.ts";
import { compareWithTruth, type Difference, earlyInitialize } from "./early-answer.ts";
import type { Pending } from "./in-flight.ts";
import type { Memory } from "./memory.ts";
import type { SentRequest } from "./own-request.ts";
import { Refused } from "./refused.ts";
import type { Session } from "./session.ts";
import type { Way } from "./way.ts";

/** When the agent is answered without the server. */
export interface EarlyTimes {
  /** From the opening request on, where something is known of the server. */
  readonly knownAfterMs: number;
  /** From the start on, where nothing is: some agents stop waiting at 10 s. */
  readonly latestMs: number;
  /** `performance.now()`. */
  readonly startedAt: number;
}

/** The agent's `initialize` on its way to the server, for as long as that takes. */
export interface Opening {
  /** True from the agent's `initialize` until the server answered it, or the agent heard that it refuses. */
  readonly isPending: boolean;
  /** True when the bridge answered in the server's place. */
  readonly isEarly: boolean;
  readonly difference: Difference | undefined;
  /** What every request is told, where going on would be wrong. */
  readonly failure: Refused | undefined;
  /** Carries `initialize`. Resolves when it is no longer pending; rejects when it was ended. */
  start(sent: SentRequest, pending: Pending): Promise<void>;
  /** Resolves with the next refusal of the server. */
  refusal(): Promise<unknown>;
}

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

export function createOpening(context: {
  readonly way: Way;
  readonly session: Session;
  readonly agent: Agent;
  readonly log: Log;
  readonly memory: Memory;
  readonly times: EarlyTimes;
  readonly signal: AbortSignal;
}): Opening {
  const { way, session, agent, log, memory, times } = context;
  const watchers = new Set<(error: unknown) => void>();
  let isPending = false;
  let early: JsonObject | undefined;
  let difference: Difference | undefined;
  /** What every request is told from now on. */
  let lasting: Refused | undefined;

  const tryOnce = async (sent: SentRequest, pending: Pending, signal: AbortSignal): Promise<RpcError | undefined> => {
    const post = (): Promise<Answer> =>
      way.post({
        body: sent.bytes,
        headers: () => [],
        signal,
        patienceMs: Number.POSITIVE_INFINITY,
        isHarmless: true,
      });
    let answer = await post();
    while (isElsewhere(answer) && way.tryNextPlace()) answer = await post();
    pending.sentAs = sent.message.id;
    const mismatch = eraMismatch(sent.message, answer);
    if (mismatch !== undefined) return mismatch;
    return new Promise((resolve, reject) => {
      // A server that keeps the stream open behind its answer holds up nothing.
      deliver(answer, {
        agent,
        log,
        pending,
        onError: resolve,
        onResponse(response) {
          opened({ sent, answer, response });
          resolve(undefined);
          return undefined;
        },
      }).catch(reject);
    });
  };
  const opened = (opening: { sent: SentRequest; answer: Answer; response: ResponseMessage }): void => {
    const { outcome } = opening.response;
    if (!("result" in outcome)) return;
    session.opened({ ...opening, request: opening.sent.message, bytes: opening.sent.bytes });
    memory.note("openings", "initialize", outcome.result);
    if (early === undefined) return;
    difference = compareWithTruth(early, outcome.result);
    if (difference.undeclared.length > 0) {
      log.info(`the server also has ${difference.undeclared.join(", ")}, which the agent hears of at its next start`);
    }
    if (difference.versionError === undefined) return;
    const message = `tsmcp: ${difference.versionError} (start the agent's connection anew)`;
    lasting = new Refused({ code: ownCodes.protocol, message, data: { layer: "mcp" } });
    log.warn(difference.versionError);
  };
  /** Returns when the session is open, or the agent knows that there is none. */
  const keepTrying = async (sent: SentRequest, pending: Pending, signal: AbortSignal): Promise<void> => {
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      const refused = await tryOnce(sent, pending, signal).catch((error: unknown) => {
        if (!(error instanceof RequestLost)) throw error;
        log.debug(`the opening was lost: ${error.message}`);
        return "lost" as const;
      });
      if (refused === undefined) return;
      if (refused !== "lost") {
        if (pending.settle()) return void (await agent.fail(pending.id, refused));
        for (const tell of [...watchers]) tell(new Refused(refused));
        watchers.clear();
        way.tryFirstPlace();
      }
      await way.urgency.wait(waitMs, signal);
    }
  };
  const answerEarly = async (sent: SentRequest, pending: Pending, signal: AbortSignal): Promise<void> => {
    const latestAt = Math.max(times.startedAt + times.latestMs, performance.now() + times.knownAfterMs);
    await delay(times.knownAfterMs, undefined, { signal });
    const known = await memory.recall();
    const isKnown = known !== undefined && Object.keys(known.openings).length > 0;
    if (!isKnown) await delay(Math.max(latestAt - performance.now(), 0), undefined, { signal });
    if (signal.aborted || !pending.settle()) return;
    early = earlyInitialize(sent.message.params, isKnown ? known : undefined);
    log.info(
      `the server has not answered yet; the agent is answered ${isKnown ? `from the ${known.source}` : "without it"}`,
    );
    await agent.answer(pending.id, early);
  };
  return {
    get isPending() {
      return isPending;
    },
    get isEarly() {
      return early !== undefined;
    },
    get failure() {
      return lasting;
    },
    get difference() {
      return difference;
    },
    async start(sent, pending) {
      isPending = true;
      early = undefined;
      difference = undefined;
      lasting = undefined;
      const over = new AbortController();
      const signal = AbortSignal.any([context.signal, pending.stop.signal]);
      try {
        await session.end(times.latestMs);
        answerEarly(sent, pending, AbortSignal.any([signal, over.signal])).catch((error: unknown) => {
          if (!over.signal.aborted && !signal.aborted) log.warn(`no early answer: ${String(error)}`);
        });
        await keepTrying(sent, pending, signal);
      } finally {
        over.abort();
        isPending = false;
      }
    },
    refusal: () => new Promise((resolve) => watchers.add(resolve)),
  };
}

function isElsewhere(answer: Answer): boolean {
  return answer.kind === "foreign" || (answer.kind === "refused" && [404, 405].includes(answer.status));
}
