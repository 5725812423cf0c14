import type { JsonObject } from "../mcp/json.ts";
import { errorText, type MessageId, notificationText, type RpcError, resultText } from "../mcp/message.ts";
import { onOneLine } from "../mcp/one-line.ts";
import type { LineWriter } from "../streams/line-writer.ts";

/** The agent's end of the bridge. */
export interface Agent {
  /** Passes a server's message on, as it is but for its line breaks. */
  pass(json: Buffer): Promise<void>;
  answer(id: MessageId, result: JsonObject): Promise<void>;
  notify(method: string, params?: JsonObject): Promise<void>;
  fail(id: MessageId | null, error: RpcError): Promise<void>;
}

export function createAgent(writer: LineWriter): Agent {
  return {
    pass: async (json) => void (await writer.write(onOneLine(json))),
    answer: async (id, result) => void (await writer.write(resultText(id, result))),
    notify: async (method, params) => void (await writer.write(notificationText(method, params))),
    fail: async (id, error) => void (await writer.write(errorText(id, error))),
  };
}
