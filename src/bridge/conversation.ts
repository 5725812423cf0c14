import type { Log } from "../core/log.ts";
import type { Answer, Endpoint } from "../mcp/endpoint.ts";
import { modernVersionOf } from "../mcp/era.ts";
import type { Message, NotificationMessage, RequestMessage } from "../mcp/message.ts";
import { headersOfMessage, headersOfSession } from "../mcp/request-headers.ts";
import { isSessionRefusal } from "../mcp/session-refusal.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import { createBacklog } from "./backlog.ts";
import { deliver } from "./delivery.ts";
import { eraMismatch } from "./era-mismatch.ts";
import { BridgeEnding, CallTimeout, rpcErrorOf } from "./failure.ts";
import { createInFlight, type Pending } from "./in-flight.ts";
import { isHarmlessToRepeat, isUnknownDiscovery, methodNotFound } from "./method.ts";
import { patiently } from "./patience.ts";
import { createSession } from "./session.ts";

export interface Conversation {
  /** Takes one message of the agent; resolves when it may be followed by the next. Never rejects. */
  receive(message: Message, bytes: Buffer): Promise<void>;
  /** Resolves when every request has its answer. */
  idle(): Promise<void>;
  /** Breaks off what is under way and ends the session, within `timeoutMs`. */
  end(timeoutMs: number): Promise<void>;
}

export interface ConversationOptions {
  readonly endpoints: readonly Endpoint[];
  readonly agent: Agent;
  readonly log: Log;
  readonly patienceMs: number;
  readonly callTimeoutMs: number | undefined;
  readonly maxInFlight: number;
}

interface Sent {
  readonly message: Message;
  readonly bytes: Buffer;
}

/** Of messages that the agent sent and nobody is done with; past it the agent has to wait. Two of the largest fit. */
const maxBacklogBytes = 64 * 1024 * 1024;

/** Returns the exchange between one agent and one server, era by era as the messages themselves say. */
export function createConversation(options: ConversationOptions): Conversation {
  const { agent, log, patienceMs } = options;
  const over = new AbortController();
  const inFlight = createInFlight(options.maxInFlight);
  let place = 0;
  const endpoint = (): Endpoint => {
    const found = options.endpoints[place];
    if (found === undefined) throw new Error("there is no endpoint");
    return found;
  };
  const session = createSession({ endpoint, agent, log, signal: over.signal });
  const backlog = createBacklog(maxBacklogBytes);
  /** What must be over before the next message goes: the opening, and its confirmation. */
  let gate: Promise<unknown> = Promise.resolve();

  const post = ({ message, bytes }: Sent, signal: AbortSignal): Promise<Answer> => {
    const isBrief = message.kind !== "request";
    return patiently(
      () => endpoint().post({ body: bytes, headers: headersOfMessage(message, session.current), signal, isBrief }),
      {
        patienceMs,
        signal,
        onWait: (error) => log.debug(`waiting for the network: ${error.message}`),
      },
    );
  };

  /** A request that the server refused for its session never ran: it goes again, once, in a new one. */
  const ask = async (sent: Sent, signal: AbortSignal): Promise<Answer> => {
    const { generation } = session;
    const answer = await post(sent, signal);
    if (modernVersionOf(sent.message) !== undefined || !isSessionRefusal(answer, session.current)) return answer;
    await session.renew(generation);
    return post(sent, signal);
  };

  const open = async (sent: Sent & { message: RequestMessage }, pending: Pending): Promise<void> => {
    await session.end(patienceMs);
    let answer = await post(sent, pending.signal);
    while (isElsewhere(answer) && place + 1 < options.endpoints.length) {
      place += 1;
      answer = await post(sent, pending.signal);
    }
    const mismatch = eraMismatch(sent.message, answer);
    if (mismatch !== undefined && pending.settle()) return agent.fail(pending.id, mismatch);
    const opening = { request: sent.message, bytes: sent.bytes, answer };
    await deliver(answer, {
      agent,
      log,
      pending,
      onResponse: (response) => session.opened({ ...opening, response }),
    });
  };

  const call = async (sent: Sent & { message: RequestMessage }, pending: Pending): Promise<void> => {
    const isModern = pending.isModern;
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await ask(sent, pending.signal);
        if (isUnknownDiscovery(sent.message, answer)) {
          if (pending.settle()) await agent.fail(pending.id, methodNotFound);
          return;
        }
        const mismatch = eraMismatch(sent.message, answer);
        if (mismatch !== undefined && pending.settle()) return await agent.fail(pending.id, mismatch);
        const resume = (lastEventId: string): Promise<Answer> =>
          patiently(
            () =>
              endpoint().listen({
                headers: [...headersOfSession(session.current), ["last-event-id", lastEventId]],
                signal: pending.signal,
              }),
            { patienceMs, signal: pending.signal },
          );
        return await deliver(answer, { agent, log, pending, ...(isModern ? {} : { resume }) });
      } catch (error) {
        const isRepeatable = error instanceof RequestLost && attempt === 0 && isHarmlessToRepeat(sent.message.method);
        if (!isRepeatable || pending.signal.aborted) throw error;
        log.debug(`asking ${sent.message.method} again: ${error.message}`);
      }
    }
  };

  const request = async (sent: Sent & { message: RequestMessage }): Promise<void> => {
    const { message } = sent;
    const isOpening = message.method === "initialize";
    const before = gate;
    let openGate: () => void = () => {};
    if (isOpening) gate = new Promise<void>((resolve) => (openGate = resolve));
    const isModern = modernVersionOf(message) !== undefined;
    const pending = await inFlight.admit({ id: message.id, method: message.method, isModern });
    if (pending === undefined) {
      openGate();
      return agent.fail(message.id, { code: -32600, message: "this id is in use by a request without an answer" });
    }
    const timer = startTimer(options.callTimeoutMs, () => pending.abort(new CallTimeout(options.callTimeoutMs ?? 0)));
    try {
      await before;
      pending.signal.throwIfAborted();
      await (isOpening ? open(sent, pending) : call(sent, pending));
    } catch (error) {
      // Whatever broke because it was ended, broke for that reason.
      const reason: unknown = pending.signal.aborted ? pending.signal.reason : error;
      log.debug(`${message.method} failed: ${String(reason)}`);
      if (pending.settle()) await agent.fail(pending.id, rpcErrorOf(reason, message.method));
    } finally {
      clearTimeout(timer);
      openGate();
    }
  };

  const notify = async (sent: Sent): Promise<void> => {
    const answer = await ask(sent, over.signal);
    if (answer.kind === "refused") log.warn(`the server refused a message of the agent: HTTP ${answer.status}`);
    else if (answer.kind !== "accepted") log.debug("the server answered a message that wants no answer");
  };

  const takeNotification = async (message: NotificationMessage, bytes: Buffer): Promise<void> => {
    if (message.method === "notifications/initialized") {
      // What follows must not overtake it: strict servers refuse what comes before.
      gate = gate
        .then(() => notify({ message, bytes }))
        .then(
          () => session.listen(),
          (error: unknown) => logLost(message, error),
        );
      return void (await gate);
    }
    const cancelled =
      message.method === "notifications/cancelled" ? inFlight.find(message.params?.requestId) : undefined;
    // First, because it frees the connection that the notification may have to wait for.
    if (cancelled?.settle() === true) cancelled.abort(new Error("the agent cancelled the request"));
    // In the modern era the closed stream is the cancellation; a disconnect is none in the legacy one.
    if (cancelled?.isModern !== true) await gate.then(() => notify({ message, bytes }));
  };
  const logLost = ({ method }: { method: string }, error: unknown): void => {
    if (!over.signal.aborted) log.warn(`${method} did not reach the server: ${String(error)}`);
  };
  return {
    receive(message, bytes) {
      const lost = (error: unknown): void =>
        logLost(message.kind === "response" ? { method: "an answer" } : message, error);
      if (message.kind === "request") return backlog.add(bytes.length, request({ message, bytes }));
      if (message.kind === "notification")
        return backlog.add(bytes.length, takeNotification(message, bytes).catch(lost));
      return backlog.add(bytes.length, gate.then(() => notify({ message, bytes })).catch(lost));
    },
    idle: () => inFlight.idle(),
    async end(timeoutMs) {
      inFlight.abortAll(new BridgeEnding());
      over.abort(new BridgeEnding());
      await session.end(timeoutMs);
    },
  };
}

function isElsewhere(answer: Answer): boolean {
  return answer.kind === "foreign" || (answer.kind === "refused" && [404, 405].includes(answer.status));
}

function startTimer(timeoutMs: number | undefined, act: () => void): NodeJS.Timeout | undefined {
  return timeoutMs === undefined ? undefined : setTimeout(act, timeoutMs);
}
