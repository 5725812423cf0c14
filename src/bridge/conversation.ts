import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { modernVersionOf } from "../mcp/era.ts";
import { type Message, type NotificationMessage, notificationText } from "../mcp/message.ts";
import { headersOfMessage } from "../mcp/request-headers.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import { createBacklog } from "./backlog.ts";
import { createCarrier } from "./carrier.ts";
import { createCatalogue } from "./catalogue.ts";
import { BridgeEnding, CallTimeout, errorForAgent } from "./failure.ts";
import { createGate, passGate } from "./gate.ts";
import { createInFlight, type Pending } from "./in-flight.ts";
import type { Memory } from "./memory.ts";
import { createOpening, type EarlyTimes } from "./opening.ts";
import type { SentRequest } from "./own-request.ts";
import { createSession } from "./session.ts";
import { createStandIn } from "./stand-in.ts";
import type { Way } from "./way.ts";

export interface Conversation {
  /** Takes one message of the agent. Returns what resolves when it may be followed by the next, undefined where it may be at once. */
  receive(message: Message, bytes: Buffer): Promise<void> | undefined;
  /** Resolves when every request has its answer. */
  idle(): Promise<void>;
  /** Breaks off what is under way and ends the session, within `timeoutMs`. */
  end(timeoutMs: number): Promise<void>;
}

export interface ConversationOptions {
  readonly way: Way;
  readonly agent: Agent;
  readonly log: Log;
  readonly memory: Memory;
  readonly env: Environment;
  readonly socket: string | undefined;
  /** As the user knows it. */
  readonly url: URL;
  readonly times: EarlyTimes;
  readonly patienceMs: number;
  readonly callTimeoutMs: number | undefined;
  readonly maxInFlight: number;
  readonly replaysIdempotent: boolean;
}

/** Of messages that the agent sent and nobody is done with; past it the agent has to wait. Two of the largest fit. */
const maxBacklogBytes = 64 * 1024 * 1024;

const open: Promise<void> = Promise.resolve();

/** Returns the exchange between one agent and one server, era by era as the messages themselves say. */
export function createConversation(options: ConversationOptions): Conversation {
  const { way, agent, log, memory, patienceMs } = options;
  const over = new AbortController();
  // As many listen as there are messages under way.
  setMaxListeners(0, over.signal);
  const inFlight = createInFlight(options.maxInFlight);
  const newId = createIds();
  const catalogue = createCatalogue({ memory, log });
  const session = createSession({
    ...{ way, agent, log, signal: over.signal, patienceMs, newId },
    onRenewed: () => void standIn.announce("all"),
    async onResponse({ id, sentIn, json }) {
      const pending = inFlight.findSent(id, sentIn);
      return pending !== undefined && (await carrier.deliverElsewhere(json, pending));
    },
  });
  const opening = createOpening({ ...options, session, signal: over.signal });
  const carrier = createCarrier({ ...options, session, catalogue, newId, signal: over.signal });
  const standIn = createStandIn({ ...options, session, catalogue, opening, carrier, signal: over.signal });
  const backlog = createBacklog(maxBacklogBytes);
  /** What must be over before the next message goes: the opening, and its confirmation. */
  const gate = createGate();
  const gateContext = { ...options, opening };

  const answer = (sent: SentRequest, pending: Pending, before: Promise<unknown> | undefined): Promise<void> => {
    const isOpen = pending.isModern || (before === undefined && opening.failure === undefined);
    if (!isOpen || standIn.concerns(sent.message)) return answerWithCare(sent, pending, { before, isOpen });
    pending.stop.throwIfAborted();
    return carrier.carry(sent, pending);
  };
  const answerWithCare = async (
    sent: SentRequest,
    pending: Pending,
    { before, isOpen }: { before: Promise<unknown> | undefined; isOpen: boolean },
  ): Promise<void> => {
    const passed = isOpen ? open : passGate(before, pending, gateContext);
    const other = standIn.concerns(sent.message) ? await standIn.answerInstead(sent, pending, passed) : sent;
    if (other === "answered") return;
    if (!isOpen) await passed;
    pending.stop.throwIfAborted();
    await carrier.carry(other, pending);
  };

  const request = async (sent: SentRequest): Promise<void> => {
    const { message } = sent;
    const isOpening = message.method === "initialize";
    const before = gate.closed;
    const openGate = isOpening ? gate.close() : undefined;
    const isModern = modernVersionOf(message) !== undefined;
    const admitted = inFlight.admit({ id: message.id, method: message.method, isModern });
    const pending = admitted instanceof Promise ? await admitted : admitted;
    if (pending === undefined) {
      openGate?.();
      const message = "this id is in use by a request without an answer";
      return void (await agent.fail(sent.message.id, { code: -32600, message }));
    }
    const limitMs = isOpening ? undefined : options.callTimeoutMs;
    const timer = startTimer(limitMs, () => pending.stop.abort(new CallTimeout(limitMs ?? 0)));
    // Whoever tries in the background hurries while somebody waits.
    const release = way.trouble === undefined && !opening.isPending ? undefined : way.urgency.press();
    try {
      if (!isOpening) return await answer(sent, pending, before);
      await before;
      await opening.start(sent, pending);
    } catch (error) {
      // Whatever broke because it was ended, broke for that reason.
      const reason: unknown = pending.stop.aborted ? pending.stop.reason : error;
      if (await standIn.answerAfter(reason, sent, pending)) return;
      log.debug(`${message.method} failed: ${String(reason)}`);
      if (pending.settle()) await agent.fail(pending.id, await errorForAgent(reason, message.method, options));
    } finally {
      release?.();
      clearTimeout(timer);
      openGate?.();
    }
  };

  const notify = async (message: Message, bytes: Buffer): Promise<void> => {
    const headers = () => headersOfMessage(message, session.current);
    const letter = { body: bytes, headers, signal: over.signal, patienceMs, isHarmless: false, isBrief: true };
    const outcome = await way.post(letter);
    if (outcome.kind === "refused") log.warn(`the server refused a message of the agent: HTTP ${outcome.status}`);
    else if (outcome.kind !== "accepted") log.debug("the server answered a message that wants no answer");
  };

  /** For what does no harm when it comes twice in one session, and must not be missed. */
  const notifySurely = (message: Message, bytes: Buffer): Promise<void> => {
    const sentIn = session.generation;
    return notify(message, bytes).catch((error: unknown) => {
      if (!(error instanceof RequestLost) || sentIn !== session.generation) throw error;
      return notify(message, bytes);
    });
  };

  const takeNotification = async (message: NotificationMessage, bytes: Buffer): Promise<void> => {
    if (message.method === "notifications/initialized") {
      // What follows must not overtake it: strict servers refuse what comes before.
      const before = gate.closed;
      const openGate = gate.close();
      try {
        await before;
        await notifySurely(message, bytes).then(
          () => session.listen(),
          (error: unknown) => logLost(message.method, error),
        );
        await standIn.announce("early");
      } finally {
        openGate();
      }
      return;
    }
    const cancelled =
      message.method === "notifications/cancelled" ? inFlight.find(message.params?.requestId) : undefined;
    const sentAs = cancelled?.sentAs;
    // First, because it frees the connection that the notification may have to wait for.
    if (cancelled?.settle() === true) cancelled.stop.abort(new Error("the agent cancelled the request"));
    // In the modern era the closed stream is the cancellation; a disconnect is none in the legacy one.
    if (cancelled?.isModern === true || (cancelled !== undefined && sentAs === undefined)) return;
    const isSame = cancelled === undefined || sentAs === cancelled.id;
    const text = isSame ? bytes : notificationText(message.method, { ...message.params, requestId: sentAs });
    await gate.closed;
    await (cancelled === undefined ? notify : notifySurely)(message, text);
  };
  const logLost = (what: string, error: unknown): void => {
    if (!over.signal.aborted) log.warn(`${what} did not reach the server: ${String(error)}`);
  };
  return {
    receive(message, bytes) {
      if (message.kind === "request") return backlog.add(bytes.length, request({ message, bytes }));
      if (message.kind === "notification") {
        const taken = takeNotification(message, bytes).catch((error: unknown) => logLost(message.method, error));
        return backlog.add(bytes.length, taken);
      }
      if (!session.takesAnswer(message.id)) {
        log.debug("dropped an answer of the agent to a session that is gone");
        return undefined;
      }
      const answered = (gate.closed ?? open).then(() => notifySurely(message, bytes));
      return backlog.add(
        bytes.length,
        answered.catch((error: unknown) => logLost("an answer", error)),
      );
    },
    idle: () => inFlight.idle(),
    async end(timeoutMs) {
      // A session that the server is just opening can be ended only when its name has come.
      const isOnItsWay = opening.isPending && way.trouble === undefined;
      if (isOnItsWay) await Promise.race([gate.closed, delay(timeoutMs / 2)]);
      inFlight.abortAll(new BridgeEnding());
      over.abort(new BridgeEnding());
      await Promise.all([session.end(timeoutMs), memory.flush()]);
    },
  };
}

/** Ids of our own requests, unlike any agent's. */
function createIds(): () => string {
  const prefix = `tsmcp-${Math.random().toString(36).slice(2, 10)}`;
  let last = 0;
  return () => {
    last += 1;
    return `${prefix}-${last}`;
  };
}

function startTimer(timeoutMs: number | undefined, act: () => void): NodeJS.Timeout | undefined {
  return timeoutMs === undefined ? undefined : setTimeout(act, timeoutMs);
}
