import { isObject } from "../core/json-object.ts";
import type { Log } from "../core/log.ts";
import type { StopSignal } from "../core/stop.ts";
import type { Answer } from "../mcp/endpoint.ts";
import { modernVersionOf } from "../mcp/era.ts";
import { eraMismatch } from "../mcp/era-mismatch.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";
import type { MessageId, RequestMessage } from "../mcp/message.ts";
import { diesWithSession, isHarmlessToRepeat, isUnknownDiscovery, methodNotFound } from "../mcp/method.ts";
import { headersOfArguments } from "../mcp/param-headers.ts";
import { headersOfMessage, headersOfSession, type LegacySession } from "../mcp/request-headers.ts";
import { responseIn } from "../mcp/response.ts";
import { isSessionRefusal } from "../mcp/session-refusal.ts";
import type { Header } from "../net/http-message.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import type { Catalogue } from "./catalogue.ts";
import { type Delivery, deliver, deliverMessage } from "./delivery.ts";
import { lists } from "./early-answer.ts";
import type { Pending } from "./in-flight.ts";
import type { Memory } from "./memory.ts";
import { metaOf, ownRequest, type SentRequest } from "./own-request.ts";
import { Unavailable } from "./patience.ts";
import { probe } from "./probe.ts";
import { Refused } from "./refused.ts";
import type { Session } from "./session.ts";
import { carrySubscription } from "./subscription.ts";
import { isAbsence, type Way } from "./way.ts";

export interface CarrierContext {
  readonly way: Way;
  readonly session: Session;
  readonly catalogue: Catalogue;
  readonly memory: Memory;
  readonly agent: Agent;
  readonly log: Log;
  readonly patienceMs: number;
  readonly newId: () => string;
  /** The user allows that tools which call themselves idempotent run twice. */
  readonly replaysIdempotent: boolean;
  readonly signal: AbortSignal;
}

export interface Carrier {
  /** Carries a request to the server and its answer to the agent. Throws what the agent has to be told. */
  carry(sent: SentRequest, pending: Pending): Promise<void>;
  /** Delivers the answer to a request whose own stream did not bring it, and ends that one. False when it is none. */
  deliverElsewhere(json: Buffer, pending: Pending): Promise<boolean>;
  /** Asks for the server's tools on the bridge's own account, in the era of `like`. */
  fetchTools(like: RequestMessage, signal: StopSignal): Promise<readonly JsonObject[]>;
  /** Resolves when the server answers again, however long that takes. */
  untilAnswered(like: RequestMessage): Promise<void>;
}

/** What sending a request needs to know of who waits for it. */
type Asking = Pick<Pending, "sentAs" | "sentIn"> & { readonly stop: StopSignal };

/** MCP 2026-07-28: the headers do not say what the body says. The request did not run. */
const headerMismatch = -32020;

const maxPages = 100;

/** What does no harm may be asked again as often; a call that says it is idempotent, once. */
const maxHarmlessRepeats = 3;

/** Of one request; a server that is started anew this often in a moment does not stay. */
const maxRenewals = 4;

export function createCarrier(context: CarrierContext): Carrier {
  const { way, session, catalogue, memory, agent, log, patienceMs, newId } = context;
  let probing: Promise<void> | undefined;
  /** The last session in which the server did not refuse a request. */
  let servedIn: number | undefined;

  /** Where the last connection broke, something harmless goes first: what is not sent cannot be lost. */
  const probeOnce = (like: RequestMessage): Promise<void> => {
    probing ??= probe(like, patienceMs, context).finally(() => {
      probing = undefined;
    });
    return probing;
  };

  /** What one attempt was sent in, to see whether the refusal meant it, and to resume in the same. */
  interface Attempt {
    readonly answer: Answer;
    readonly session: LegacySession | undefined;
    readonly generation: number;
  }
  const post = (sent: SentRequest, pending: Asking, waitMs = patienceMs): Promise<Attempt> => {
    const isHarmless = isHarmlessToRepeat(sent.message.method);
    const send = (): Promise<Attempt> => {
      let sentIn = { session: session.current, generation: session.generation };
      const headers = (): readonly Header[] => {
        sentIn = { session: session.current, generation: session.generation };
        pending.sentAs = sent.message.id;
        pending.sentIn = session.generation;
        return headersOf(sent.message);
      };
      return way
        .post({ body: sent.bytes, headers, signal: pending.stop, patienceMs: waitMs, isHarmless })
        .then((answer) => ({ answer, session: sentIn.session, generation: sentIn.generation }));
    };
    if (session.renewed === undefined && (isHarmless || !way.isDoubtful)) return send();
    return ready(sent.message, isHarmless).then(send);
  };
  const ready = async (request: RequestMessage, isHarmless: boolean): Promise<void> => {
    if (session.renewed !== undefined) await session.renewed;
    if (way.isDoubtful && !isHarmless) await probeOnce(request);
  };
  const headersOf = (request: RequestMessage): readonly Header[] => {
    const headers = headersOfMessage(request, session.current);
    if (request.method !== "tools/call" || modernVersionOf(request) === undefined) return headers;
    const name = stringAt(request.params, "name") ?? "";
    const mirrored = headersOfArguments(catalogue.tools.paramHeaders(name), objectAt(request.params, "arguments"));
    return [...headers, ...mirrored];
  };
  const ask = async (sent: SentRequest, pending: Asking): Promise<Attempt> => {
    const attempt = await post(sent, pending);
    if (attempt.answer.kind === "refused") return askAgain(attempt, sent, pending);
    servedIn = attempt.generation;
    return attempt;
  };
  const askAgain = async (attempt: Attempt, sent: SentRequest, pending: Asking): Promise<Attempt> => {
    const request = sent.message;
    const { answer } = attempt;
    if (modernVersionOf(request) === undefined) return askInNewSession(attempt, sent, pending);
    if (answer.kind !== "refused" || objectAt(answer.body, "error")?.code !== headerMismatch) return attempt;
    if (request.method !== "tools/call") return attempt;
    await fetchTools(request, pending.stop);
    return post(sent, pending);
  };
  /**
   * A request that the server refused for its session never ran: it goes again in a new one. One that is refused there too
   * is an error, unless that session served others before it went the same way.
   */
  const askInNewSession = async (first: Attempt, sent: SentRequest, pending: Asking): Promise<Attempt> => {
    let attempt = first;
    for (let renewals = 0; isSessionRefusal(attempt.answer, attempt.session); renewals++) {
      if (renewals > 0 && (renewals === maxRenewals || servedIn !== attempt.generation)) break;
      await session.renew(attempt.generation);
      const gone = diesWithSession(sent.message);
      if (gone !== undefined) throw new Refused(gone);
      attempt = await post(sent, pending);
      if (attempt.answer.kind !== "refused") servedIn = attempt.generation;
    }
    return attempt;
  };
  /** Throws what the agent has to be told of a refusal that is not the answer of its request. */
  const judge = (answer: Extract<Answer, { kind: "refused" }>, request: RequestMessage): void => {
    if (isUnknownDiscovery(request, answer)) {
      memory.noteLegacyOnly();
      throw new Refused(methodNotFound);
    }
    const mismatch = eraMismatch(request, answer);
    if (mismatch !== undefined) throw new Refused(mismatch);
    if (!isAbsence(answer.status)) return;
    const absent = new Unavailable(answer);
    throw isHarmlessToRepeat(request.method) ? absent : new RequestLost(absent);
  };

  const attemptOnce = async (sent: SentRequest, pending: Pending): Promise<void> => {
    const request = sent.message;
    pending.sent = request;
    const { answer, session: sentIn, generation } = await ask(sent, pending);
    if (answer.kind === "refused") judge(answer, request);
    const resume = async (lastEventId: string): Promise<Answer | undefined> => {
      if (generation !== session.generation) return undefined;
      const headers = (): readonly Header[] => [...headersOfSession(sentIn), ["last-event-id", lastEventId]];
      return way.listen({ headers, signal: pending.stop, patienceMs });
    };
    await deliver(answer, deliveryOf(request, pending, pending.isModern ? undefined : resume));
  };
  const deliveryOf = (request: RequestMessage, pending: Pending, resume: Delivery["resume"]): Delivery => ({
    agent,
    log,
    pending,
    onRequest: ({ id }) => session.noteRequest(id),
    onResponse: ({ outcome }) => {
      if (!("result" in outcome)) return undefined;
      session.restoration.granted(request);
      if (request.method === "server/discover") memory.note("openings", request.method, outcome.result);
      if (lists[request.method] === undefined) return undefined;
      const told = catalogue.told(request, outcome.result, pending.isModern);
      return told === outcome.result ? undefined : told;
    },
    resume,
  });

  const mayRepeat = async (request: RequestMessage, signal: StopSignal): Promise<boolean> => {
    if (isHarmlessToRepeat(request.method)) return true;
    if (request.method !== "tools/call" || !context.replaysIdempotent) return false;
    const name = stringAt(request.params, "name") ?? "";
    if (!catalogue.tools.has(name)) await fetchTools(request, signal);
    return catalogue.tools.isIdempotent(name);
  };

  const fetchTools = async (like: RequestMessage, signal: StopSignal): Promise<readonly JsonObject[]> => {
    const all: JsonObject[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const params = { ...(cursor === undefined ? {} : { cursor }), ...metaOf(like) };
      const question = ownRequest(newId(), "tools/list", params);
      const { answer } = await ask(question, { stop: signal, sentAs: undefined, sentIn: undefined });
      const response = await responseIn(answer, question.message.id);
      const result = response !== undefined && "result" in response.outcome ? response.outcome.result : undefined;
      if (result === undefined) throw new Error("the server did not tell its tools");
      catalogue.tools.note(result, page === 0);
      if (Array.isArray(result.tools)) all.push(...result.tools.filter(isObject));
      cursor = stringAt(result, "nextCursor");
      if (cursor === undefined) break;
    }
    return all;
  };

  const subscribe = (sent: SentRequest, pending: Pending): Promise<void> => {
    const { method, params } = sent.message;
    const listen = async (id: MessageId | undefined): Promise<Answer> => {
      const outgoing = id === undefined ? sent : ownRequest(id, method, params);
      // Nobody waits for a second one, so it may take as long as the network does.
      const { answer } = await post(outgoing, pending, id === undefined ? patienceMs : Number.POSITIVE_INFINITY);
      const mismatch = eraMismatch(sent.message, answer);
      if (mismatch !== undefined) throw new Refused(mismatch);
      return answer;
    };
    return carrySubscription({ pending, agent, log, urgency: way.urgency, listen, newId, onBroken: () => way.doubt() });
  };

  return {
    async deliverElsewhere(json, pending) {
      const { sent } = pending;
      if (sent === undefined || pending.isModern) return false;
      if (!(await deliverMessage(json, deliveryOf(sent, pending, undefined)))) return false;
      pending.stop.abort(new Error("answered on the server's own stream"));
      return true;
    },
    fetchTools,
    untilAnswered: (like) => probe(like, Number.POSITIVE_INFINITY, context),
    async carry(sent, pending) {
      const request = sent.message;
      if (pending.isModern && request.method === "subscriptions/listen") return subscribe(sent, pending);
      let outgoing = sent;
      for (let attempt = 0; ; attempt++) {
        try {
          return await attemptOnce(outgoing, pending);
        } catch (error) {
          const most = isHarmlessToRepeat(request.method) ? maxHarmlessRepeats : 1;
          const isRepeatable = error instanceof RequestLost && attempt < most && !pending.stop.aborted;
          if (!isRepeatable || !(await mayRepeat(request, pending.stop).catch(() => false))) throw error;
          log.debug(`asking ${request.method} again: ${error.message}`);
          // The first may still be running, so the second is another one to the server.
          outgoing = ownRequest(newId(), request.method, request.params);
        }
      }
    },
  };
}
