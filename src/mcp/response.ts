import type { Answer } from "./endpoint.ts";
import { type Message, type MessageId, parseMessage, type ResponseMessage } from "./message.ts";

/**
 * Returns the response to the request `id` that an answer holds, undefined where it holds none. What the server says
 * besides goes to `onMessage`. Reading stops with the response; a stream is closed then.
 */
export async function responseIn(
  answer: Answer,
  id: MessageId,
  onMessage: (message: Message) => void = () => {},
): Promise<ResponseMessage | undefined> {
  if (answer.kind === "json") return matching(answer.bytes, id, onMessage);
  if (answer.kind !== "stream") return undefined;
  for await (const item of answer.items) {
    if (item.kind !== "event" || item.data.length === 0) continue;
    const response = matching(item.data, id, onMessage);
    if (response !== undefined) return response;
  }
  return undefined;
}

function matching(json: Buffer, id: MessageId, onMessage: (message: Message) => void): ResponseMessage | undefined {
  const message = parseMessage(json);
  if (message.kind === "invalid") return undefined;
  if (message.kind === "response" && message.id === id) return message;
  onMessage(message);
  return undefined;
}
