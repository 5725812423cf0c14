import { setTimeout as delay } from "node:timers/promises";
import { isObject } from "../../../core/json-object.ts";
import { realSignal, type StopSignal } from "../../../core/stop.ts";
import type { Answer } from "../../../mcp/endpoint.ts";
import { type Message, type MessageId, parseMessage, type ResponseMessage, toMessage } from "../../../mcp/message.ts";
import { resumeDelay } from "../../../mcp/resume-delay.ts";
import type { SseItem } from "../../../mcp/sse.ts";
import { RequestLost } from "../../../net/origin.ts";
import type { ExactNumbers } from "../../exact-numbers.ts";
import { createAllowance } from "../allowance.ts";
import { UpstreamFailure } from "../failure.ts";
import type { OnMessage } from "../upstream.ts";

export interface Reading {
  readonly id: MessageId;
  readonly onMessage: OnMessage;
  readonly signal: StopSignal;
  readonly numbers?: ExactNumbers | undefined;
  /** Takes a stream up again that broke off, in eras and sessions where that is possible. */
  readonly resume?: ((lastEventId: string) => Promise<Answer>) | undefined;
}

/** Streams in a row that brought nothing. */
const maxFruitlessResumes = 3;

/**
 * Returns the answer to the request `id`, and passes on what the server says before it. Throws UpstreamFailure,
 * RequestLost where the answer did not come, and the reason of the signal.
 */
export async function readAnswer(first: Answer, reading: Reading): Promise<ResponseMessage> {
  let answer = first;
  let position: string | undefined;
  for (let fruitless = 0; ; fruitless++) {
    if (answer.kind === "json") return answerIn(answer.bytes, reading);
    if (answer.kind !== "stream") return refusal(answer, reading.id);
    const end = await readStream(answer.items, reading);
    if (end.response !== undefined) return end.response;
    if (end.lastEventId !== undefined) {
      position = end.lastEventId;
      fruitless = 0;
    }
    reading.signal.throwIfAborted();
    if (position === undefined || reading.resume === undefined || fruitless >= maxFruitlessResumes) {
      throw new RequestLost(end.cause);
    }
    await delay(resumeDelay(end.retryMs), undefined, { signal: realSignal(reading.signal) });
    answer = await reading.resume(position);
    if (answer.kind !== "stream") throw new RequestLost(end.cause);
  }
}

/** Reads the items of a stream no faster than anybody could make use of them. */
export async function* paced(items: AsyncIterable<SseItem>, signal: StopSignal): AsyncGenerator<SseItem> {
  const allowance = createAllowance({ burst: 2_000, perSecond: 1_000 });
  for await (const item of items) {
    yield item;
    const pauseMs = allowance.spend(1, performance.now());
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal: realSignal(signal) });
  }
}

/** Returns the messages that a JSON text is: servers of 2025-03-26 may batch. */
export function messagesIn(given: Buffer, numbers?: ExactNumbers): Message[] {
  const bytes = numbers === undefined ? given : numbers.hold(given);
  const message = parseMessage(bytes);
  if (message.kind !== "invalid") return [message];
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return (Array.isArray(value) ? value : []).map(toMessage).filter((one): one is Message => one.kind !== "invalid");
  } catch {
    return [];
  }
}

interface StreamEnd {
  readonly response?: ResponseMessage;
  readonly lastEventId: string | undefined;
  readonly retryMs: number | undefined;
  readonly cause: unknown;
}

async function readStream(items: AsyncIterable<SseItem>, reading: Reading): Promise<StreamEnd> {
  let lastEventId: string | undefined;
  let retryMs: number | undefined;
  const iterator = paced(items, reading.signal)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value: item, done } = await iterator.next();
      if (done === true) break;
      if (item.kind === "retry") retryMs = item.delayMs;
      else if (item.kind === "oversize") {
        void iterator.return(undefined);
        throw tooLarge(item.maxBytes);
      } else {
        lastEventId = item.lastEventId ?? lastEventId;
        if (item.data.length === 0 || item.type !== "message") continue;
        const response = take(item.data, reading);
        if (response === undefined) continue;
        void drain(iterator);
        return { response, lastEventId, retryMs, cause: undefined };
      }
    }
  } catch (error) {
    if (error instanceof UpstreamFailure || reading.signal.aborted) throw error;
    return { lastEventId, retryMs, cause: error };
  }
  return { lastEventId, retryMs, cause: new Error("the server ended the stream") };
}

/** A server ends the stream behind its answer; the connection can be used again then. */
const lingerMs = 2_000;

async function drain(iterator: AsyncGenerator<SseItem>): Promise<void> {
  const timer = setTimeout(() => void iterator.return(undefined).catch(() => {}), lingerMs).unref();
  try {
    while ((await iterator.next()).done !== true);
  } catch {
    // Nobody waits for anything any more.
  } finally {
    clearTimeout(timer);
  }
}

function answerIn(bytes: Buffer, reading: Reading): ResponseMessage {
  const response = take(bytes, reading);
  if (response !== undefined) return response;
  throw new UpstreamFailure("protocol", "gave an answer that belongs to no question", { mayHaveRun: true });
}

/** Passes on what is not the answer, and returns the answer. */
function take(bytes: Buffer, { id, onMessage, numbers }: Reading): ResponseMessage | undefined {
  let found: ResponseMessage | undefined;
  for (const message of messagesIn(bytes, numbers)) {
    if (message.kind !== "response") onMessage(message);
    else if (message.id === id) found = message;
    else if (message.id === null && "error" in message.outcome) found = { ...message, id };
  }
  return found;
}

/** Returns the server's own error where its refusal carries one; throws what the status means otherwise. */
function refusal(answer: Exclude<Answer, { kind: "json" | "stream" }>, id: MessageId): ResponseMessage {
  if (answer.kind === "accepted") throw new UpstreamFailure("protocol", "took the request and gave no answer");
  if (answer.kind === "foreign") {
    throw new UpstreamFailure("http", `answered HTTP ${answer.status} with what is not MCP`);
  }
  // Some servers leave the version out of errors that they give outside a session.
  const message = isObject(answer.body) ? toMessage({ jsonrpc: "2.0", ...answer.body }) : undefined;
  if (message?.kind === "response" && "error" in message.outcome) return { ...message, id };
  throw new UpstreamFailure("http", `answered HTTP ${answer.status}`, { mayHaveRun: answer.status >= 500 });
}

function tooLarge(maxBytes: number): UpstreamFailure {
  return new UpstreamFailure("tooLarge", `sent a message of more than ${maxBytes} bytes, which is too large`, {
    mayHaveRun: true,
  });
}
