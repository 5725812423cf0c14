import type { Log } from "../core/log.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import type { Answer } from "../mcp/endpoint.ts";
import { type JsonObject, stringAt } from "../mcp/json.ts";
import {
  type MessageId,
  notificationText,
  type RequestMessage,
  type ResponseMessage,
  requestText,
} from "../mcp/message.ts";
import { headersOfSession, type LegacySession } from "../mcp/request-headers.ts";
import { responseIn } from "../mcp/response.ts";
import { createRestoration, type Restoration } from "../mcp/restoration.ts";
import { type Header, headerOf } from "../net/http-message.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import { refusalError } from "./failure.ts";
import { listenToServer, type OnResponse } from "./server-stream.ts";
import { untilNotLost } from "./until-not-lost.ts";
import type { Way } from "./way.ts";

/** The legacy session with the server: opened by the agent's `initialize`, renewed when the server forgot it. */
export interface Session {
  readonly current: LegacySession | undefined;
  /** Counts the sessions, so that of many requests refused at once one renews. */
  readonly generation: number;
  readonly restoration: Restoration;
  /** Pending while the session is being renewed; never rejects. */
  readonly renewed: Promise<void> | undefined;
  /** Remembers how the session came to be. */
  opened(opening: { request: RequestMessage; bytes: Buffer; answer: Answer; response: ResponseMessage }): void;
  /** Opens the stream of the server's own messages; to be called once the server knows that the agent is ready. */
  listen(): void;
  /** Opens a new session as the first one was, unless that happened since `seen`. Throws when the server refuses. */
  renew(seen: number): Promise<void>;
  /** Notes that the server asks the agent something. */
  noteRequest(id: MessageId): void;
  /** False for an answer to what was asked in a session that is gone: the new one would not know it. */
  takesAnswer(id: MessageId | null): boolean;
  /** Ends the session on the server, if there is one, within `timeoutMs`. */
  end(timeoutMs: number): Promise<void>;
}

/** A server that asks more than this at once is not waiting for the answers. */
const maxAsked = 10_000;

const initialized = notificationText("notifications/initialized");

export function createSession(context: {
  readonly way: Way;
  readonly agent: Agent;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly patienceMs: number;
  readonly newId: () => string;
  readonly onRenewed: () => void;
  /** Takes an answer that came on the server's own stream of the session `sentIn`; false when nobody waits for it. */
  readonly onResponse: (answer: { id: MessageId; sentIn: number; json: Buffer }) => Promise<boolean>;
}): Session {
  const { way, log, signal, patienceMs, newId } = context;
  const restoration = createRestoration();
  let current: LegacySession | undefined;
  let opening: { request: RequestMessage; bytes: Buffer } | undefined;
  let generation = 0;
  let isListening = false;
  let stopListening: AbortController | undefined;
  let renewing: Promise<void> | undefined;
  /** In which session the server asked what the agent has not answered yet. */
  const asked = new Map<string, number>();

  /** Whoever asked for the renewal was refused, and must not hear of what got lost in it as of its own request. */
  const surely = <T>(ask: (patienceMs: number) => Promise<T>): Promise<T> =>
    untilNotLost(ask, { waitMs: patienceMs, urgency: way.urgency, signal });
  const question = (
    { id, body }: { id: MessageId; body: Uint8Array },
    session: LegacySession | undefined,
  ): Promise<{ answer: Answer; response: ResponseMessage | undefined }> =>
    surely(async (leftMs) => {
      const headers = (): readonly Header[] => headersOfSession(session);
      const answer = await way.post({ body, headers, signal, patienceMs: leftMs, isHarmless: true });
      const response = await responseIn(answer, id);
      if (answer.kind === "stream" && response === undefined) throw new RequestLost(new Error("the stream ended"));
      return { answer, response };
    });
  const listen = (): void => {
    isListening = true;
    stopListening?.abort();
    stopListening = new AbortController();
    const stop = AbortSignal.any([signal, stopListening.signal]);
    const seen = generation;
    const onRequest = ({ id }: RequestMessage): void => noteRequest(id);
    const onResponse: OnResponse = (id, json) => context.onResponse({ id, sentIn: seen, json });
    listenToServer({ ...context, session: current, signal: stop, onRequest, onResponse })
      // An agent that waits for the server's word would wait for ever in a session that is gone.
      .then((end) => (end === "forgotten" ? renewOnce(seen) : undefined))
      .catch((error: unknown) => {
        if (!stop.aborted) log.warn(`the stream of the server's own messages ended: ${String(error)}`);
      });
  };
  const noteRequest = (id: MessageId): void => {
    asked.set(JSON.stringify(id), generation);
    const [oldest] = asked.keys();
    if (asked.size > maxAsked && oldest !== undefined) asked.delete(oldest);
  };
  const renewOnce = (seen: number): Promise<void> => {
    if (renewing === undefined && seen !== generation) return Promise.resolve();
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };
  /** The answer says at most that the server does not have it any more. */
  const restore = async (session: LegacySession, method: string, params: JsonObject): Promise<void> => {
    const id = newId();
    const { response } = await question({ id, body: requestText(id, method, params) }, session);
    if (response === undefined || "error" in response.outcome) log.warn(`the new session did not take ${method}`);
  };
  const renew = async (): Promise<void> => {
    if (opening === undefined) throw new Error("the server does not know the session, and the agent opened none here");
    log.info("the server does not know the session any more; opening a new one");
    stopListening?.abort();
    const { request, bytes } = opening;
    const { answer, response } = await question({ id: request.id, body: bytes }, undefined);
    if (response === undefined || !("result" in response.outcome)) {
      const why =
        answer.kind === "json" || answer.kind === "stream" ? "it answered an error" : refusalError(answer).message;
      throw new Error(`the server refuses a new session: ${why}`);
    }
    // At once, so that it is ended when the bridge ends; requests wait until the renewal is over.
    const renewed = sessionOf(answer, response);
    current = renewed;
    generation += 1;
    const headers = (): readonly Header[] => headersOfSession(renewed);
    const confirmation = { body: initialized, headers, signal, isHarmless: true, isBrief: true };
    await surely((leftMs) => way.post({ ...confirmation, patienceMs: leftMs }));
    for (const { method, params } of restoration.requests()) await restore(renewed, method, params);
    if (isListening) listen();
    context.onRenewed();
  };
  return {
    get current() {
      return current;
    },
    get generation() {
      return generation;
    },
    restoration,
    get renewed() {
      return renewing?.catch(() => {});
    },
    opened({ request, bytes, answer, response }) {
      if (!("result" in response.outcome)) return;
      current = sessionOf(answer, response);
      opening = { request, bytes };
      generation += 1;
    },
    listen,
    renew: renewOnce,
    noteRequest,
    takesAnswer(id) {
      const key = JSON.stringify(id);
      const from = asked.get(key);
      asked.delete(key);
      return from === undefined || from === generation;
    },
    async end(timeoutMs) {
      stopListening?.abort();
      if (current?.id === undefined) return;
      const headers = headersOfSession(current);
      current = undefined;
      try {
        const status = await way.delete({ headers, signal: timeoutSignal(timeoutMs) });
        log.debug(`the session was ended (HTTP ${status})`);
      } catch (error) {
        log.debug(`the session could not be ended: ${String(error)}`);
      }
    },
  };
}

function sessionOf(answer: Answer, response: ResponseMessage): LegacySession {
  const headers = answer.kind === "foreign" ? [] : answer.headers;
  const result = "result" in response.outcome ? response.outcome.result : undefined;
  return { id: headerOf(headers, "mcp-session-id"), protocolVersion: stringAt(result, "protocolVersion") };
}
