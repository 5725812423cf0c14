import type { JsonObject } from "../mcp/json.ts";
import { errorText, type MessageId, notificationText, type RpcError, resultText } from "../mcp/message.ts";
import { onOneLine } from "../mcp/one-line.ts";
import type { LineWriter } from "../streams/line-writer.ts";

/** The agent's end of the bridge. */
export interface Agent {
  /** Passes a server's message on, as it is but for its line breaks. */
  pass(json: Buffer): Promise<unknown>;
  answer(id: MessageId, result: JsonObject): Promise<unknown>;
  notify(method: string, params?: JsonObject): Promise<unknown>;
  fail(id: MessageId | null, error: RpcError): Promise<unknown>;
}

export function createAgent(writer: LineWriter): Agent {
  return {
    pass: (json) => writer.write(onOneLine(json)),
    answer: (id, result) => writer.write(resultText(id, result)),
    notify: (method, params) => writer.write(notificationText(method, params)),
    fail: (id, error) => writer.write(errorText(id, error)),
  };
}
