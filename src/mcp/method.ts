import type { Answer } from "./endpoint.ts";
import { objectAt } from "./json.ts";
import type { RequestMessage, RpcError } from "./message.ts";

/** Requests that only read, or set what is set already. `tools/call` is none: nobody knows what a tool does. */
const harmless: ReadonlySet<string> = new Set([
  "ping",
  "server/discover",
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "prompts/list",
  "prompts/get",
  "completion/complete",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "subscriptions/listen",
]);

export function isHarmlessToRepeat(method: string): boolean {
  return harmless.has(method);
}

/** Returns what the agent is told of a request that means nothing in a new session; undefined where it means the same. */
export function diesWithSession({ method, params }: RequestMessage): RpcError | undefined {
  if (params?.cursor !== undefined) {
    return { code: -32602, message: "tsmcp: the server forgot the session that this cursor belongs to (list anew)" };
  }
  if (method.startsWith("tasks/")) {
    return { code: -32602, message: "tsmcp: the server forgot the session that this task belongs to (start it anew)" };
  }
  return undefined;
}

export const methodNotFound: RpcError = { code: -32601, message: "Method not found" };

/** Errors by which a modern server speaks of versions and headers, and an agent must hear of. */
const modernErrors: ReadonlySet<unknown> = new Set([-32020, -32021, -32022]);

/**
 * Returns true when a server refused `server/discover` because it is older than that: an agent that knows both eras then
 * falls back to `initialize` by itself, if it hears "method not found". Refusals for other reasons (401, 403, 5xx) are
 * evidence of nothing.
 */
export function isUnknownDiscovery(message: RequestMessage, answer: Answer): boolean {
  if (message.method !== "server/discover" || answer.kind !== "refused") return false;
  if (![400, 404, 405, 406].includes(answer.status)) return false;
  return !modernErrors.has(objectAt(answer.body, "error")?.code);
}
