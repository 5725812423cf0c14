import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../../core/log.ts";
import { realSignal, type StopSignal } from "../../../core/stop.ts";
import { untilAborted } from "../../../core/until-aborted.ts";
import type { Answer } from "../../../mcp/endpoint.ts";
import { type JsonObject, stringAt } from "../../../mcp/json.ts";
import { messageText, type RequestMessage, type ResponseMessage } from "../../../mcp/message.ts";
import { diesWithSession, isHarmlessToRepeat } from "../../../mcp/method.ts";
import { headersOfSession, type LegacySession } from "../../../mcp/request-headers.ts";
import { createRestoration } from "../../../mcp/restoration.ts";
import { resumeDelay } from "../../../mcp/resume-delay.ts";
import { isSessionRefusal } from "../../../mcp/session-refusal.ts";
import { type Header, headerOf } from "../../../net/http-message.ts";
import { RequestLost } from "../../../net/origin.ts";
import type { ExactNumbers } from "../../exact-numbers.ts";
import { withCaller } from "../caller-meta.ts";
import { rpcErrorOf, UpstreamFailure } from "../failure.ts";
import { errorAnswer, type OnMessage, type UpstreamCaller, type UpstreamSession } from "../upstream.ts";
import type { Asker } from "./asker.ts";
import { createFlights, type Flight } from "./flights.ts";
import { messagesIn, paced, readAnswer } from "./read-answer.ts";
import type { Stage } from "./stage.ts";

export interface HttpSessionOptions {
  readonly name: string;
  readonly log: Log;
  readonly asker: Asker;
  readonly caller: UpstreamCaller;
  readonly handle: string;
  readonly params: JsonObject;
  readonly opened: LegacySession;
  readonly closing: AbortSignal;
  readonly onEnd: () => void;
  readonly numbers?: ExactNumbers | undefined;
}

/** What the server has to know before it is asked anything else. */
const settingUp: ReadonlySet<string> = new Set(["notifications/initialized", "notifications/roots/list_changed"]);

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/** One caller's legacy session with a server over HTTP; when the server forgot it, it has another one, unseen. */
export function createHttpSession(options: HttpSessionOptions): UpstreamSession {
  const { name, log, asker, caller, handle, params, closing, numbers } = options;
  const restoration = createRestoration();
  const flights = createFlights();
  let current = options.opened;
  /** Counts the sessions, so that of many requests refused at once one renews. */
  let generation = 0;
  let renewing: Promise<void> | undefined;
  let renewed = new AbortController();
  let isEnded = false;
  /** What was told, and has not arrived yet. */
  let telling: Promise<unknown> | undefined;

  const renewOnce = (seen: number): Promise<void> => {
    if (renewing === undefined && seen !== generation) return Promise.resolve();
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };
  const renew = async (): Promise<void> => {
    log.debug(`${name}: the server forgot a session; opening another`);
    const before = renewed;
    const opening = await openSession(asker, { params, caller, signal: new AbortController().signal });
    if (opening.kind === "refused") throw new UpstreamFailure("http", "forgot the session, and refuses another");
    current = opening.session;
    generation += 1;
    renewed = new AbortController();
    before.abort(new Error("the session was opened anew"));
    await asker.tell(messageText({ kind: "notification", method: "notifications/initialized", params: undefined }), {
      headers: headersOfSession(current),
      caller,
    });
    for (const [at, { method, params: wanted }] of restoration.requests().entries()) {
      const request: RequestMessage = { kind: "request", id: `tsmcp-restore-${at}`, method, params: wanted };
      await ask(request, { signal: new AbortController().signal, onMessage: () => {}, caller }).catch(() => undefined);
    }
  };
  const resumeIn =
    (session: LegacySession, stage: Stage, who: UpstreamCaller) =>
    (lastEventId: string): Promise<Answer> => {
      const headers: Header[] = [...headersOfSession(session), ["last-event-id", lastEventId]];
      return asker.listen({ headers, signal: stage.signal, caller: who });
    };
  interface Asking {
    readonly signal: StopSignal;
    readonly onMessage: OnMessage;
    readonly caller: UpstreamCaller;
    readonly flight?: Flight;
  }
  const ask = (request: RequestMessage, { signal, onMessage, caller: who, flight }: Asking) => {
    const session = current;
    const seen = generation;
    if (flight !== undefined) flight.sentIn = seen;
    return asker.post(request, { headers: headersOfSession(session), signal, caller: who }, async (answer, stage) => {
      if (isSessionRefusal(answer, session)) return { kind: "forgotten" as const, seen };
      const reading = {
        id: request.id,
        onMessage,
        signal: stage.signal,
        resume: resumeIn(session, stage, who),
        numbers,
      };
      return { kind: "answered" as const, response: await readAnswer(answer, reading) };
    });
  };
  /** A request that the server refused for its session never ran: it goes again, once, in a new one. */
  const askRenewed = async (request: RequestMessage, asking: Asking): Promise<ResponseMessage> => {
    await renewing?.catch(() => {});
    // Each goes a way of its own, and servers refuse what overtakes `notifications/initialized`.
    if (telling !== undefined) await untilAborted(telling, asking.signal);
    const outcome = await ask(request, asking);
    if (outcome.kind === "answered") return outcome.response;
    await renewOnce(outcome.seen);
    const gone = diesWithSession(request);
    if (gone !== undefined) return errorAnswer(request.id, gone);
    const second = await ask(request, asking);
    if (second.kind === "answered") return second.response;
    throw new UpstreamFailure("http", "does not know the session that it just opened");
  };
  const tell = (body: Buffer): Promise<void> => asker.tell(body, { headers: headersOfSession(current), caller });
  /** For what does no harm when it comes twice, and must not be missed. */
  const tellSurely = (body: Buffer): Promise<void> =>
    tell(body).catch((error: unknown) => {
      if (!(error instanceof RequestLost)) throw error;
      return tell(body);
    });
  /** A disconnect is no cancel in this era. */
  const giveUp = ({ id }: RequestMessage): void => {
    const params = { requestId: id, reason: "timeout" };
    const body = messageText({ kind: "notification", method: "notifications/cancelled", params });
    void tell(body).catch(() => {});
  };
  return {
    handle,
    async request(request, call) {
      const clean = withCaller(request.params, undefined);
      const asked = clean === request.params ? request : { ...request, params: clean };
      const flight = flights.begin(request.id, call.signal);
      const asking: Asking = { signal: flight.stop, onMessage: call.onMessage, caller: call.caller, flight };
      const answered = (answer: ResponseMessage): ResponseMessage => {
        if ("result" in answer.outcome) restoration.granted(asked);
        return answer;
      };
      try {
        return answered(
          await askRenewed(asked, asking).catch((error: unknown) => {
            if (!(error instanceof RequestLost) || !isHarmlessToRepeat(request.method)) throw error;
            flight.stop.throwIfAborted();
            return askRenewed(asked, asking);
          }),
        );
      } catch (error) {
        call.signal.throwIfAborted();
        if (flight.answer !== undefined) return answered(flight.answer);
        if (error instanceof UpstreamFailure && error.kind === "timeout") giveUp(request);
        return errorAnswer(request.id, rpcErrorOf(flight.stop.aborted ? flight.stop.reason : error, name));
      } finally {
        flight.land();
      }
    },
    notify(notification) {
      const { method } = notification;
      const clean = { ...notification, params: withCaller(notification.params, undefined) };
      const lost = (error: unknown): void => log.debug(`${name}: ${method} did not arrive: ${String(error)}`);
      const arrival = (settingUp.has(method) ? tellSurely : tell)(messageText(clean)).catch(lost);
      if (method === "notifications/cancelled") flights.cancel(notification.params?.requestId);
      if (!settingUp.has(method)) return;
      const all = Promise.all([telling, arrival]).finally(() => {
        if (telling === all) telling = undefined;
      });
      telling = all;
    },
    respond(answer) {
      void tellSurely(messageText(answer)).catch((error: unknown) => {
        log.debug(`${name}: an answer to the server did not arrive: ${String(error)}`);
      });
    },
    async listen({ onMessage, signal, after }) {
      let lastEventId = after;
      let waitMs = firstWaitMs;
      let hadStream = false;
      while (!isEnded && !closing.aborted) {
        let retryMs: number | undefined;
        const seen = generation;
        const session = current;
        const stop = AbortSignal.any([realSignal(signal), renewed.signal, closing]);
        try {
          const resuming: Header[] = lastEventId === undefined ? [] : [["last-event-id", lastEventId]];
          const headers = [...headersOfSession(session), ...resuming];
          const answer = await asker.listen({ headers, signal: stop, caller });
          if (answer.kind === "refused" && isSessionRefusal(answer, session)) {
            // What the old session said last cannot be had from a new one.
            lastEventId = undefined;
            if (after !== undefined) return "ended";
            await renewOnce(seen);
            continue;
          }
          if (answer.kind === "refused" && answer.status < 500) return hadStream ? "ended" : "refused";
          if (answer.kind === "stream") {
            hadStream = true;
            waitMs = firstWaitMs;
            for await (const item of paced(answer.items, stop)) {
              if (item.kind === "retry") retryMs = item.delayMs;
              else if (item.kind === "oversize") {
                log.warn(`${name}: dropped a message of more than ${item.maxBytes} bytes on the server's own stream`);
              } else {
                lastEventId = item.lastEventId ?? lastEventId;
                if (item.data.length === 0 || item.type !== "message") continue;
                for (const message of messagesIn(item.data, numbers)) {
                  // It belongs on the stream of its request, but SDK clients ask only for the id.
                  if (message.kind !== "response") onMessage(message, item.lastEventId);
                  else if (!flights.answer(message, seen))
                    log.debug(`${name}: dropped an answer that nobody waits for`);
                }
              }
            }
            // The caller knows what it was waiting for, and asks again for more.
            if (after !== undefined) return "ended";
          }
        } catch (error) {
          if (signal.aborted || closing.aborted || isEnded) return "ended";
          if (stop.aborted) {
            lastEventId = undefined;
            continue;
          }
          log.debug(`${name}: the server's own stream broke off: ${String(error)}`);
        }
        await delay(retryMs === undefined ? waitMs : resumeDelay(retryMs), undefined, { signal: stop }).catch(() => {});
        if (signal.aborted) return "ended";
        waitMs = Math.min(waitMs * 2, longestWaitMs);
      }
      return "ended";
    },
    async end() {
      isEnded = true;
      options.onEnd();
      renewed.abort(new Error("the session ended"));
      if (current.id !== undefined) await asker.end({ headers: headersOfSession(current), caller });
    },
  };
}

export type HttpOpening =
  | { readonly kind: "opened"; readonly session: LegacySession; readonly result: JsonObject }
  | { readonly kind: "refused"; readonly answer: Answer; readonly response: ResponseMessage };

/** Opens a session as a caller wants it. Throws as `readAnswer` does. */
export function openSession(
  asker: Asker,
  opening: { readonly params: JsonObject; readonly caller: UpstreamCaller; readonly signal: StopSignal },
): Promise<HttpOpening> {
  const { caller, signal } = opening;
  const params = withCaller(opening.params, undefined);
  const request: RequestMessage = { kind: "request", id: "tsmcp-initialize", method: "initialize", params };
  return asker.post(request, { headers: [], caller, signal, isOpening: true }, async (answer, stage) => {
    const response = await readAnswer(answer, { id: request.id, onMessage: () => {}, signal: stage.signal });
    if ("error" in response.outcome) return { kind: "refused", answer, response };
    const { result } = response.outcome;
    const id = answer.kind === "foreign" ? undefined : headerOf(answer.headers, "mcp-session-id");
    return { kind: "opened", session: { id, protocolVersion: stringAt(result, "protocolVersion") }, result };
  });
}
