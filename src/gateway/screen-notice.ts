import { type JsonObject, objectAt } from "../mcp/json.ts";
import type { Message } from "../mcp/message.ts";
import { knownToolOf, sealRelatedTask, sealTask } from "./task-handle.ts";
import type { View } from "./view.ts";

/** What a server may say on its own, or while it works on a call. */
const notifications: ReadonlySet<string> = new Set([
  "notifications/progress",
  "notifications/message",
  "notifications/cancelled",
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
  "notifications/elicitation/complete",
  "notifications/tasks/status",
  "notifications/tasks",
  "notifications/subscriptions/acknowledged",
]);

/** What a server may ask of the caller that it works for. */
const requests: ReadonlySet<string> = new Set(["ping", "sampling/createMessage", "elicitation/create", "roots/list"]);

/** Returns a server's message as the caller may see it, or undefined where it may not. Pure. */
export function screenNotice(message: Message, view: View): Message | undefined {
  if (message.kind === "response") return undefined;
  const known = message.kind === "request" ? requests : notifications;
  if (!known.has(message.method)) return undefined;
  const { params } = message;
  if (params === undefined) return message;
  if (message.method === "notifications/resources/updated") {
    if (typeof params.uri !== "string" || !view.rights.may("resources", params.uri)) return undefined;
  }
  if (isOfTask(message.method)) {
    const tool = knownToolOf(params, view);
    if (tool === undefined || !view.rights.may("tools", tool)) return undefined;
  }
  return { ...message, params: screenParams(message.method, params, view) };
}

function screenParams(method: string, params: JsonObject, view: View): JsonObject {
  const related = sealRelatedTask(params, view);
  if (isOfTask(method)) return sealTask(related, knownToolOf(params, view), view);
  if (method === "notifications/subscriptions/acknowledged") return acknowledgement(related, view);
  return related;
}

function isOfTask(method: string): boolean {
  return method === "notifications/tasks/status" || method === "notifications/tasks";
}

/** An acknowledgement says nothing of what was denied, whatever the server took it for. */
function acknowledgement(params: JsonObject, { rights }: View): JsonObject {
  const honoured = objectAt(params, "notifications");
  if (honoured === undefined || !Array.isArray(honoured.resourceSubscriptions)) return params;
  const allowed = honoured.resourceSubscriptions.filter(
    (uri) => typeof uri === "string" && rights.may("resources", uri),
  );
  return { ...params, notifications: { ...honoured, resourceSubscriptions: allowed } };
}
