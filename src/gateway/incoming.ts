import { isUtf8 } from "node:buffer";
import { type InvalidMessage, type Message, toMessage } from "../mcp/message.ts";
import { jsonDefect } from "./scan-json.ts";

/** What a body holds. */
export type Incoming =
  | { readonly kind: "one"; readonly message: Message }
  | { readonly kind: "batch"; readonly messages: readonly Message[] }
  | InvalidMessage;

/** Returns what there is to read in a body. */
export function messagesOf(incoming: Incoming): readonly Message[] {
  if (incoming.kind === "invalid") return [];
  return incoming.kind === "one" ? [incoming.message] : incoming.messages;
}

/** A batch is one request of HTTP, and must not stand for thousands. */
export const maxBatch = 64;

/** Returns the message or batch that the bytes are, understood whole: nothing two readers could read differently. */
export function readIncoming(bytes: Buffer): Incoming {
  if (!isUtf8(bytes)) return invalid(-32700, "the text is not UTF-8");
  const text = bytes.toString("utf8");
  const defect = jsonDefect(text);
  if (defect !== undefined)
    return invalid(-32600, `the text has ${defect === "too deep" ? "too many levels" : defect}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid(-32700, "the text is not JSON");
  }
  if (!Array.isArray(value)) return one(value);
  if (value.length === 0) return invalid(-32600, "a batch is empty");
  if (value.length > maxBatch) return invalid(-32600, `a batch has more than ${maxBatch} messages`);
  const messages: Message[] = [];
  for (const item of value) {
    const read = one(item);
    if (read.kind !== "one") return read;
    messages.push(read.message);
  }
  return { kind: "batch", messages };
}

function one(value: unknown): { readonly kind: "one"; readonly message: Message } | InvalidMessage {
  const message = toMessage(value);
  if (message.kind === "invalid") return message;
  // A number that JSON cannot carry exactly would come back as another one.
  if (message.kind !== "notification" && typeof message.id === "number" && !Number.isSafeInteger(message.id))
    return invalid(-32600, 'the field "id" is a number that is no safe integer');
  return { kind: "one", message };
}

function invalid(code: InvalidMessage["code"], reason: string): InvalidMessage {
  return { kind: "invalid", code, reason, id: null };
}
