import { errorText, type MessageId, type RpcError } from "../mcp/message.ts";
import { onOneLine } from "../mcp/one-line.ts";
import type { LineWriter } from "../streams/line-writer.ts";

/** The agent's end of the bridge. */
export interface Agent {
  /** Passes a server's message on, as it is but for its line breaks. */
  pass(json: Buffer): Promise<void>;
  fail(id: MessageId | null, error: RpcError): Promise<void>;
}

export function createAgent(writer: LineWriter): Agent {
  return {
    pass: async (json) => void (await writer.write(onOneLine(json))),
    fail: async (id, error) => void (await writer.write(errorText(id, error))),
  };
}
