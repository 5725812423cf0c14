import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import type { Answer } from "../mcp/endpoint.ts";
import type { JsonObject } from "../mcp/json.ts";
import { parseMessage, type RequestMessage, type ResponseMessage, type RpcError, toMessage } from "../mcp/message.ts";
import { resumeDelay } from "../mcp/resume-delay.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import { noAnswerError, tooLarge } from "./failure.ts";
import type { Pending } from "./in-flight.ts";
import { isForLater } from "./way.ts";

export interface Delivery {
  readonly agent: Agent;
  readonly log: Log;
  readonly pending: Pending;
  /** Sees the answer before the agent does, and may give another result in its place. */
  readonly onResponse?: ((response: ResponseMessage) => JsonObject | undefined) | undefined;
  /** Takes an error in the agent's place, of the server's too. */
  readonly onError?: ((error: RpcError) => void) | undefined;
  /** Sees what the server asks the agent. */
  readonly onRequest?: ((request: RequestMessage) => void) | undefined;
  /** Picks up a stream that broke off, in eras where that is possible; undefined where it went with its session. */
  readonly resume?: ((lastEventId: string) => Promise<Answer | undefined>) | undefined;
}

/** How a stream ended: with the answer, or where it can be picked up. */
type StreamEnd =
  | { readonly kind: "answered" }
  | {
      readonly kind: "broken";
      readonly lastEventId: string | undefined;
      readonly retryMs: number | undefined;
      readonly cause: unknown;
    };

/** Streams in a row that brought nothing. */
const maxFruitlessResumes = 3;

/** A server that keeps the stream open behind its answer may say a last word, and no more. */
const lingerMs = 5_000;

/**
 * Passes an answer, and what the server says on the way to it, to the agent. Returns once the agent has its answer and
 * the stream has ended. Throws RequestLost when the answer did not come.
 */
export async function deliver(first: Answer, delivery: Delivery): Promise<void> {
  const place: Place = { lastEventId: undefined, retryMs: undefined, fruitless: 0 };
  for (let answer = first; ; ) {
    if (answer.kind === "json") return deliverJson(answer.bytes, delivery);
    if (answer.kind !== "stream") return fail(delivery, noAnswerError(answer, delivery.pending.method));
    const end = await deliverStream(answer.items, delivery);
    if (end.kind === "answered") return;
    place.retryMs = end.retryMs ?? place.retryMs;
    if (end.lastEventId !== undefined) {
      place.lastEventId = end.lastEventId;
      place.fruitless = 0;
    }
    answer = await pickUp(place, end.cause, delivery);
  }
}

/** Where a stream broke off. */
interface Place {
  lastEventId: string | undefined;
  retryMs: number | undefined;
  /** Tries in a row that brought nothing. */
  fruitless: number;
}

/** Opens the rest of a stream. Throws RequestLost where that cannot be: nothing that happens now unsends the request. */
async function pickUp(place: Place, cause: unknown, delivery: Delivery): Promise<Answer> {
  const { pending, log, resume } = delivery;
  for (; place.fruitless < maxFruitlessResumes; place.fruitless++) {
    if (place.lastEventId === undefined || resume === undefined) break;
    log.debug(`the stream of ${pending.method} broke off; resuming it`);
    await delay(resumeDelay(place.retryMs), undefined, { signal: pending.stop.signal });
    const answer = await resume(place.lastEventId).catch((error: unknown) => {
      if (pending.stop.aborted) throw error;
      if (error instanceof RequestLost) return "lost" as const;
      throw new RequestLost(error);
    });
    if (answer === "lost" || (answer?.kind === "refused" && isForLater(answer.status))) continue;
    if (answer?.kind !== "stream") break;
    place.fruitless += 1;
    return answer;
  }
  throw new RequestLost(cause);
}

async function deliverJson(bytes: Buffer, delivery: Delivery): Promise<void> {
  for (const json of unbatched(bytes)) if (await deliverMessage(json, delivery)) return;
  await fail(delivery, noAnswerError({ kind: "accepted", headers: [] }, delivery.pending.method));
}

async function deliverStream(
  items: Extract<Answer, { kind: "stream" }>["items"],
  delivery: Delivery,
): Promise<StreamEnd> {
  let lastEventId: string | undefined;
  let retryMs: number | undefined;
  let cause: unknown = new Error("the server ended the stream");
  let linger: NodeJS.Timeout | undefined;
  try {
    for await (const item of items) {
      if (item.kind === "retry") retryMs = item.delayMs;
      else if (item.kind === "oversize") {
        await fail(
          delivery,
          tooLarge(`a message of more than ${item.maxBytes} bytes came from the server, which is too large`),
        );
        return { kind: "answered" };
      } else {
        lastEventId = item.lastEventId;
        if (item.data.length === 0 || item.type !== "message") continue;
        if (!(await deliverMessage(item.data, delivery))) continue;
        linger ??= setTimeout(() => delivery.pending.stop.abort(new Error("answered")), lingerMs).unref();
      }
    }
  } catch (error) {
    if (linger === undefined && delivery.pending.stop.aborted) throw error;
    cause = error;
  } finally {
    clearTimeout(linger);
  }
  return linger === undefined ? { kind: "broken", lastEventId, retryMs, cause } : { kind: "answered" };
}

/** Passes on one message. Returns true when it was the answer. */
export async function deliverMessage(json: Buffer, delivery: Delivery): Promise<boolean> {
  const { agent, pending, log } = delivery;
  const message = parseMessage(json);
  if (message.kind === "invalid") {
    log.warn(`dropped a text of the server that is no message: ${message.reason}`);
    return false;
  }
  if (message.kind !== "response") {
    if (message.kind === "request") delivery.onRequest?.(message);
    await agent.pass(json);
    if (message.method === "notifications/progress") pending.progressAtMs = performance.now();
    return false;
  }
  if (message.id === null && "error" in message.outcome) {
    await fail(delivery, message.outcome.error);
    return true;
  }
  if (message.id !== pending.sentAs) {
    log.warn(`dropped an answer of the server to ${JSON.stringify(message.id)}, which nobody asked on this stream`);
    return false;
  }
  const { outcome } = message;
  if ("error" in outcome && delivery.onError !== undefined) {
    delivery.onError(outcome.error);
    return true;
  }
  const other = delivery.onResponse?.(message);
  if (pending.progressAtMs !== undefined) await untilHeeded(pending.progressAtMs);
  if (!pending.settle()) return true;
  if (other !== undefined) await agent.answer(pending.id, other);
  else if (message.id === pending.id) await agent.pass(json);
  else if ("result" in outcome) await agent.answer(pending.id, outcome.result);
  else await agent.fail(pending.id, outcome.error);
  return true;
}

/** Long for an agent to read a line, and short for a call that had progress to tell. */
const heedMs = 10;

/**
 * Resolves when the agent had time to read of the progress. SDK clients forget who waits for it as soon as they have seen
 * the answer, and both are seen before either is handled when they come in one read.
 * Source: typescript-sdk `shared/protocol.ts` (_onnotification, which defers, and _onresponse, which does not).
 */
function untilHeeded(progressAtMs: number): Promise<void> | undefined {
  const leftMs = progressAtMs + heedMs - performance.now();
  return leftMs > 0 ? delay(leftMs) : undefined;
}

async function fail({ agent, pending, onError }: Delivery, error: RpcError): Promise<void> {
  if (onError !== undefined) onError(error);
  else if (pending.settle()) await agent.fail(pending.id, error);
}

const openingBrace = 0x7b;

/** Servers of 2025-03-26 may answer in a batch, which no later agent knows. */
function unbatched(bytes: Buffer): Buffer[] {
  // Nearly always, and a string less.
  if (bytes[0] === openingBrace || !/^\s*\[/.test(bytes.toString("latin1", 0, 64))) return [bytes];
  try {
    const values: unknown = JSON.parse(bytes.toString("utf8"));
    if (!Array.isArray(values)) return [bytes];
    return values
      .filter((value) => toMessage(value).kind !== "invalid")
      .map((value) => Buffer.from(JSON.stringify(value)));
  } catch {
    return [bytes];
  }
}
