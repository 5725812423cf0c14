import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import type { Answer, Endpoint } from "../mcp/endpoint.ts";
import { parseMessage } from "../mcp/message.ts";
import type { Header } from "../net/http-message.ts";
import type { Agent } from "./agent.ts";

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/**
 * Passes what the server says of its own accord to the agent, and opens the stream again when it breaks off. Returns when
 * the server offers none (405) or does not know the session; rejects with the reason of `signal`.
 * Source: MCP 2025-11-25 basic/transports, "Listening for Messages from the Server".
 */
export async function listenToServer(options: {
  readonly endpoint: Endpoint;
  readonly headers: readonly Header[];
  readonly agent: Agent;
  readonly log: Log;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { endpoint, log, signal } = options;
  let lastEventId: string | undefined;
  let waitMs = firstWaitMs;
  for (;;) {
    signal.throwIfAborted();
    let retryMs: number | undefined;
    try {
      const resuming: Header[] = lastEventId === undefined ? [] : [["last-event-id", lastEventId]];
      const answer = await endpoint.listen({ headers: [...options.headers, ...resuming], signal });
      if (answer.kind === "refused" && answer.status < 500) {
        return log.debug(`the server has no stream of its own messages (HTTP ${answer.status})`);
      }
      if (answer.kind === "stream") {
        waitMs = firstWaitMs;
        for await (const item of answer.items) {
          if (item.kind === "retry") retryMs = item.delayMs;
          if (item.kind !== "event") continue;
          lastEventId = item.lastEventId;
          await passOn(item, options);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      log.debug(`the stream of the server's own messages broke off: ${String(error)}`);
    }
    await delay(retryMs ?? waitMs, undefined, { signal });
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }
}

type StreamItem = Extract<Answer, { kind: "stream" }>["items"] extends AsyncIterable<infer Item> ? Item : never;

async function passOn(
  item: Extract<StreamItem, { kind: "event" }>,
  { agent, log }: { agent: Agent; log: Log },
): Promise<void> {
  if (item.data.length === 0 || item.type !== "message") return;
  const message = parseMessage(item.data);
  if (message.kind === "request" || message.kind === "notification") return agent.pass(item.data);
  log.warn("dropped a text on the server's own stream that is neither a request nor a notification");
}
