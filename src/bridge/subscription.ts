import { isObject } from "../core/json-object.ts";
import type { Log } from "../core/log.ts";
import type { Answer } from "../mcp/endpoint.ts";
import { type JsonObject, objectAt } from "../mcp/json.ts";
import { type MessageId, parseMessage } from "../mcp/message.ts";
import { RequestLost } from "../net/origin.ts";
import type { Agent } from "./agent.ts";
import { refusalError } from "./failure.ts";
import type { Pending } from "./in-flight.ts";
import type { Urgency } from "./urgency.ts";

/** One `subscriptions/listen` of the modern era: a request whose answer is a stream that is meant to last. */
export interface Subscription {
  readonly pending: Pending;
  readonly agent: Agent;
  readonly log: Log;
  readonly urgency: Urgency;
  /** Sends the request under a new id (undefined: the agent's own), as often as the stream breaks. */
  readonly listen: (id: MessageId | undefined) => Promise<Answer>;
  readonly onBroken: () => void;
  readonly newId: () => MessageId;
}

const idKey = "io.modelcontextprotocol/subscriptionId";
const acknowledged = "notifications/subscriptions/acknowledged";
const firstWaitMs = 500;
const longestWaitMs = 30_000;

/** What the fields of an acknowledgement stand for. */
const changes: Readonly<Record<string, string>> = {
  toolsListChanged: "notifications/tools/list_changed",
  promptsListChanged: "notifications/prompts/list_changed",
  resourcesListChanged: "notifications/resources/list_changed",
};

/**
 * Carries a subscription until the server ends it or the agent cancels it. When its stream breaks it is asked for again:
 * the agent sees one subscription under its own id, hears of one acknowledgement, and is told that everything in it may
 * have changed meanwhile. Source: MCP 2026-07-28 basic/subscriptions.
 */
export async function carrySubscription(subscription: Subscription): Promise<void> {
  const { pending, agent, log, urgency, listen, newId } = subscription;
  for (let round = 0, waitMs = firstWaitMs; ; round++) {
    try {
      const answer = await listen(round === 0 ? undefined : newId());
      if (answer.kind !== "stream" && answer.kind !== "json") {
        if (pending.settle()) await agent.fail(pending.id, refusalError(answer));
        return;
      }
      if (await passOn(answer, subscription, round > 0)) return;
      waitMs = firstWaitMs;
    } catch (error) {
      if (!(error instanceof RequestLost) || pending.stop.aborted) throw error;
    }
    log.debug("the stream of a subscription broke off; asking for it again");
    subscription.onBroken();
    await urgency.wait(waitMs, pending.stop);
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }
}

/** Returns true when the server answered, which ends the subscription. */
async function passOn(
  answer: Extract<Answer, { kind: "stream" | "json" }>,
  { pending, agent, log }: Subscription,
  isAgain: boolean,
): Promise<boolean> {
  for await (const json of messagesIn(answer)) {
    const message = parseMessage(json);
    if (message.kind === "response" && message.id === pending.sentAs) {
      if (!pending.settle()) return true;
      const { outcome } = message;
      if ("result" in outcome) await agent.answer(pending.id, withId(outcome.result, pending.id));
      else await agent.fail(pending.id, outcome.error);
      return true;
    }
    if (message.kind !== "notification") {
      log.warn("dropped a text on a subscription that is no notification");
    } else if (!isAgain) {
      await agent.pass(json);
    } else if (message.method === acknowledged) {
      for (const { method, params } of whatMayHaveChanged(message.params)) {
        await agent.notify(method, withId(params, pending.id));
      }
    } else {
      await agent.notify(message.method, withId(message.params ?? {}, pending.id));
    }
  }
  return false;
}

async function* messagesIn(answer: Extract<Answer, { kind: "stream" | "json" }>): AsyncGenerator<Buffer> {
  if (answer.kind === "json") yield answer.bytes;
  else for await (const item of answer.items) if (item.kind === "event" && item.data.length > 0) yield item.data;
}

function whatMayHaveChanged(params: JsonObject | undefined): { method: string; params: JsonObject }[] {
  const honored = objectAt(params, "notifications") ?? {};
  const uris: readonly unknown[] = Array.isArray(honored.resourceSubscriptions) ? honored.resourceSubscriptions : [];
  return [
    ...Object.entries(changes).flatMap(([field, method]) => (honored[field] === true ? [{ method, params: {} }] : [])),
    ...uris.map((uri) => ({ method: "notifications/resources/updated", params: { uri } })),
  ];
}

/** The agent knows the subscription by the id of its own request. */
function withId(params: JsonObject, id: MessageId): JsonObject {
  const meta = isObject(params._meta) ? params._meta : {};
  return { ...params, _meta: { ...meta, [idKey]: id } };
}
