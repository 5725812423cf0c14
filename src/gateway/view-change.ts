import { objectAt } from "../mcp/json.ts";
import { type Message, type MessageId, messageJson, type RequestMessage } from "../mcp/message.ts";
import type { Found } from "./identities.ts";
import type { Reply } from "./reply.ts";
import type { RightKind, UpstreamRights } from "./rights.ts";
import type { OnMessage } from "./upstream/upstream.ts";
import { type Visit, viewOf } from "./visit.ts";

const kinds: readonly RightKind[] = ["tools", "prompts", "resources"];

/** MCP 2026-07-28 basic/utilities/subscriptions. */
const subscriptionKey = "io.modelcontextprotocol/subscriptionId";

/** Tells the caller of a GET stream which of its lists are others once its rights are; a stream that lost all ends. */
export function tellViewChanges(visit: Visit, reply: Reply): void {
  watchRights(visit, reply, (kind) => reply.event(changeOf(kind, undefined)));
}

/**
 * Does the same for a modern subscription, as far as it asks for it. Returns what takes the server's messages: the gateway
 * honours what the server may not, and the acknowledgement says so.
 */
export function tellSubscribedChanges(
  visit: Visit,
  {
    request,
    reply,
    onMessage,
  }: { readonly request: RequestMessage; readonly reply: Reply; readonly onMessage: OnMessage },
): OnMessage {
  const filter = objectAt(request.params, "notifications");
  const asked = kinds.filter((kind) => filter?.[flagOf(kind)] === true);
  watchRights(visit, reply, (kind) => {
    if (asked.includes(kind)) reply.event(changeOf(kind, request.id));
  });
  return (message, eventId) => onMessage(acknowledged(message, asked), eventId);
}

function watchRights(
  { front, served, response, address, caller }: Visit,
  reply: Reply,
  tell: (kind: RightKind) => void,
): void {
  let seen = viewOf({ front, served }, caller).rights;
  const judge = (now: Found): void => {
    if (now === "unknown") return;
    if (now === "nobody" || now.key !== caller.key) {
      reply.cut();
      return;
    }
    const before = seen;
    seen = viewOf({ front, served }, now).rights;
    for (const kind of kinds) if (!isSameRight(kind, before, seen)) tell(kind);
    if (!seen.some) reply.cut();
  };
  const look = (): void => {
    const found = front.identities.at(address, () => reply.signal);
    if (found instanceof Promise) void found.then(judge);
    else judge(found);
  };
  response.once("close", front.streams.add(look));
}

function isSameRight(kind: RightKind, one: UpstreamRights, other: UpstreamRights): boolean {
  return one === other || wordsOf(one.patterns[kind]) === wordsOf(other.patterns[kind]);
}

function wordsOf(patterns: readonly string[]): string {
  return JSON.stringify([...new Set(patterns)].sort());
}

function changeOf(kind: RightKind, subscription: MessageId | undefined): string {
  const params = subscription === undefined ? undefined : { _meta: { [subscriptionKey]: subscription } };
  return messageJson({ kind: "notification", method: `notifications/${kind}/list_changed`, params });
}

function acknowledged(message: Message, asked: readonly RightKind[]): Message {
  if (message.kind !== "notification" || message.method !== "notifications/subscriptions/acknowledged") return message;
  const honoured = objectAt(message.params, "notifications");
  const own = Object.fromEntries(asked.map((kind) => [flagOf(kind), true]));
  return { ...message, params: { ...message.params, notifications: { ...honoured, ...own } } };
}

function flagOf(kind: RightKind): string {
  return `${kind}ListChanged`;
}
