import { modernVersionOf } from "../mcp/era.ts";
import { type JsonObject, objectAt } from "../mcp/json.ts";
import { type MessageId, type RequestMessage, requestText } from "../mcp/message.ts";

/** A request, and the bytes that it goes out as. */
export interface SentRequest {
  readonly message: RequestMessage;
  readonly bytes: Buffer;
}

/** Returns a request that the bridge makes itself, or makes anew. */
export function ownRequest(id: MessageId, method: string, params: JsonObject | undefined): SentRequest {
  return { message: { kind: "request", id, method, params }, bytes: requestText(id, method, params) };
}

/** Returns the agent's own statement of its version and capabilities, where `like` is of the modern era. */
export function metaOf(like: RequestMessage): JsonObject | undefined {
  if (modernVersionOf(like) === undefined) return undefined;
  // An own request has no progress that anybody waits for.
  return { _meta: { ...objectAt(like.params, "_meta"), progressToken: undefined } };
}
