import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import type { Answer } from "../mcp/endpoint.ts";
import { type MessageId, parseMessage, type RequestMessage } from "../mcp/message.ts";
import { headersOfSession, type LegacySession } from "../mcp/request-headers.ts";
import { resumeDelay } from "../mcp/resume-delay.ts";
import { isSessionRefusal } from "../mcp/session-refusal.ts";
import type { Header } from "../net/http-message.ts";
import type { Agent } from "./agent.ts";
import { isAbsence, isForLater, type Way } from "./way.ts";

export interface Listening {
  readonly way: Way;
  readonly session: LegacySession | undefined;
  readonly agent: Agent;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onRequest?: ((request: RequestMessage) => void) | undefined;
  /** Takes the answer to a request that went another way; false when nobody waits for it. */
  readonly onResponse?: OnResponse | undefined;
}

export type OnResponse = (id: MessageId, json: Buffer) => Promise<boolean>;

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/**
 * Passes what the server says of its own accord to the agent, and opens the stream again when it breaks off. Returns why
 * it ended: the server offers no stream (405, or an answer that is none), or it forgot the session, in which there was
 * one. Rejects with the reason of `signal`.
 * Source: MCP 2025-11-25 basic/transports, "Listening for Messages from the Server".
 */
export async function listenToServer(options: Listening): Promise<"none" | "forgotten"> {
  const { way, session, log, signal } = options;
  let lastEventId: string | undefined;
  let waitMs = firstWaitMs;
  let hadStream = false;
  for (;;) {
    signal.throwIfAborted();
    let retryMs: number | undefined;
    let isFruitful = false;
    const openedAt = performance.now();
    try {
      const resuming: Header[] = lastEventId === undefined ? [] : [["last-event-id", lastEventId]];
      const headers = (): readonly Header[] => [...headersOfSession(session), ...resuming];
      const answer = await way.listen({ headers, signal, patienceMs: Number.POSITIVE_INFINITY });
      if (answer.kind === "refused" && !isForLater(answer.status) && !isAbsence(answer.status)) {
        log.debug(`the server has no stream of its own messages (HTTP ${answer.status})`);
        return hadStream && isSessionRefusal(answer, session) ? "forgotten" : "none";
      }
      if (answer.kind !== "stream" && answer.kind !== "refused") {
        log.debug("the server answers the request for its own messages with something else than a stream");
        return "none";
      }
      if (answer.kind === "stream") {
        hadStream = true;
        log.debug("listening to the server's own messages");
        for await (const item of answer.items) {
          if (item.kind === "retry") retryMs = item.delayMs;
          if (item.kind === "oversize") {
            log.warn(`dropped a message of more than ${item.maxBytes} bytes on the server's own stream`);
            // Resumed here, it would come again.
            lastEventId = undefined;
            break;
          }
          if (item.kind !== "event") continue;
          lastEventId = item.lastEventId;
          isFruitful ||= item.data.length > 0;
          await passOn(item, options);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      log.debug(`the stream of the server's own messages broke off: ${String(error)}`);
    }
    way.doubt();
    // One that ends as soon as it was opened, each time, is asked less and less.
    if (isFruitful || performance.now() - openedAt > waitMs) waitMs = firstWaitMs;
    if (retryMs === undefined) await way.urgency.wait(waitMs, signal);
    else await delay(resumeDelay(retryMs), undefined, { signal });
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }
}

type StreamItem = Extract<Answer, { kind: "stream" }>["items"] extends AsyncIterable<infer Item> ? Item : never;

async function passOn(
  item: Extract<StreamItem, { kind: "event" }>,
  { agent, log, onRequest, onResponse }: Pick<Listening, "agent" | "log" | "onRequest" | "onResponse">,
): Promise<void> {
  if (item.data.length === 0 || item.type !== "message") return;
  const message = parseMessage(item.data);
  if (message.kind === "request") onRequest?.(message);
  if (message.kind === "request" || message.kind === "notification") return void (await agent.pass(item.data));
  // It belongs on the stream of its request, but SDK clients ask only for the id.
  // Source: typescript-sdk `client/src/client/streamableHttp.ts` (_handleSseStream) and `shared/protocol.ts` (_onresponse).
  if (message.kind === "response" && message.id !== null && (await onResponse?.(message.id, item.data)) === true)
    return;
  log.warn("dropped a text on the server's own stream that is neither a request nor a notification, nor awaited");
}
