import type { Log } from "../core/log.ts";
import type { Answer, Endpoint } from "../mcp/endpoint.ts";
import { stringAt } from "../mcp/json.ts";
import type { RequestMessage, ResponseMessage } from "../mcp/message.ts";
import { headersOfSession, type LegacySession } from "../mcp/request-headers.ts";
import { responseIn } from "../mcp/response.ts";
import { headerOf } from "../net/http-message.ts";
import type { Agent } from "./agent.ts";
import { refusalError } from "./failure.ts";
import { listenToServer } from "./server-stream.ts";

/** The legacy session with the server: opened by the agent's `initialize`, renewed when the server forgot it. */
export interface Session {
  readonly current: LegacySession | undefined;
  /** Counts the sessions, so that of many requests refused at once one renews. */
  readonly generation: number;
  /** Remembers how the session came to be. */
  opened(opening: { request: RequestMessage; bytes: Buffer; answer: Answer; response: ResponseMessage }): void;
  /** Opens the stream of the server's own messages; to be called once the server knows that the agent is ready. */
  listen(): void;
  /** Opens a new session as the first one was, unless that happened since `seen`. Throws when the server refuses. */
  renew(seen: number): Promise<void>;
  /** Ends the session on the server, if there is one, within `timeoutMs`. */
  end(timeoutMs: number): Promise<void>;
}

const initialized = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');

export function createSession(context: {
  endpoint: () => Endpoint;
  agent: Agent;
  log: Log;
  signal: AbortSignal;
}): Session {
  const { endpoint, log, signal } = context;
  let current: LegacySession | undefined;
  let opening: { request: RequestMessage; bytes: Buffer } | undefined;
  let generation = 0;
  let isListening = false;
  let stopListening: AbortController | undefined;
  let renewing: Promise<void> | undefined;

  const listen = (): void => {
    isListening = true;
    stopListening?.abort();
    stopListening = new AbortController();
    const stop = AbortSignal.any([signal, stopListening.signal]);
    const headers = headersOfSession(current);
    listenToServer({ ...context, endpoint: endpoint(), headers, signal: stop }).catch((error: unknown) => {
      if (!stop.aborted) log.warn(`the stream of the server's own messages ended: ${String(error)}`);
    });
  };
  const renew = async (): Promise<void> => {
    if (opening === undefined) throw new Error("the server does not know the session, and the agent opened none here");
    log.info("the server does not know the session any more; opening a new one");
    const { request, bytes } = opening;
    const answer = await endpoint().post({ body: bytes, headers: [], signal });
    const response = await responseIn(answer, request.id);
    if (response === undefined || !("result" in response.outcome)) {
      const why =
        answer.kind === "json" || answer.kind === "stream" ? "it answered an error" : refusalError(answer).message;
      throw new Error(`the server refuses a new session: ${why}`);
    }
    current = sessionOf(answer, response);
    generation += 1;
    await endpoint().post({ body: initialized, headers: headersOfSession(current), signal });
    if (isListening) listen();
  };
  return {
    get current() {
      return current;
    },
    get generation() {
      return generation;
    },
    opened({ request, bytes, answer, response }) {
      if (!("result" in response.outcome)) return;
      current = sessionOf(answer, response);
      opening = { request, bytes };
      generation += 1;
    },
    listen,
    renew(seen) {
      if (renewing === undefined && seen !== generation) return Promise.resolve();
      renewing ??= renew().finally(() => {
        renewing = undefined;
      });
      return renewing;
    },
    async end(timeoutMs) {
      stopListening?.abort();
      if (current?.id === undefined) return;
      const headers = headersOfSession(current);
      current = undefined;
      try {
        const status = await endpoint().delete({ headers, signal: AbortSignal.timeout(timeoutMs) });
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
