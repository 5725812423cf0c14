import { isAscii, isUtf8 } from "node:buffer";
import { isObject } from "../core/json-object.ts";
import type { JsonObject } from "./json.ts";

/** Fractions are legal in JSON-RPC, though MCP asks for integers; they come back as they went. */
export type MessageId = string | number;

export interface RequestMessage {
  readonly kind: "request";
  readonly id: MessageId;
  readonly method: string;
  readonly params: JsonObject | undefined;
}

export interface NotificationMessage {
  readonly kind: "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
}

/** An answer; an error without an id (the request could not be read) has the id null. */
export interface ResponseMessage {
  readonly kind: "response";
  readonly id: MessageId | null;
  readonly outcome: { readonly result: JsonObject } | { readonly error: RpcError };
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export type Message = RequestMessage | NotificationMessage | ResponseMessage;

/** What a text is, if it is no message: with the JSON-RPC code of the defect, and the id if one can be read. */
export interface InvalidMessage {
  readonly kind: "invalid";
  readonly code: -32700 | -32600;
  readonly reason: string;
  readonly id: MessageId | null;
}

/** Returns the one message that the bytes are. Batches are none: MCP dropped them in 2025-06-18. */
export function parseMessage(bytes: Buffer): Message | InvalidMessage {
  // Decoding is the dearer half of reading a large text, and this decoding is a copy.
  const isPlain = isAscii(bytes);
  if (!isPlain && !isUtf8(bytes)) return invalid(-32700, "the text is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString(isPlain ? "latin1" : "utf8"));
  } catch {
    return invalid(-32700, "the text is not JSON");
  }
  return toMessage(value);
}

/** Returns the message that a JSON value is. */
export function toMessage(value: unknown): Message | InvalidMessage {
  if (Array.isArray(value)) return invalid(-32600, "a batch is not allowed");
  if (!isObject(value)) return invalid(-32600, "a message is an object");
  const { id, method, params } = value;
  const known = isMessageId(id) ? id : null;
  if (value.jsonrpc !== "2.0") return invalid(-32600, 'the field "jsonrpc" is not "2.0"', known);
  if (method === undefined) return toResponse(value, known);
  if (typeof method !== "string") return invalid(-32600, 'the field "method" is not a string', known);
  if (params !== undefined && !isObject(params)) return invalid(-32600, 'the field "params" is not an object', known);
  if (id === undefined) return { kind: "notification", method, params };
  if (known === null) return invalid(-32600, 'the field "id" is neither a string nor a number');
  return { kind: "request", id: known, method, params };
}

/** Returns the text of a message, written anew from what was understood of it. */
export function messageText(message: Message): Buffer {
  return Buffer.from(messageJson(message));
}

/** Returns the same as a string, for where it is joined with others on its way out. */
export function messageJson(message: Message): string {
  switch (message.kind) {
    case "request":
      return requestJson(message.id, message.method, message.params);
    case "notification":
      return notificationJson(message.method, message.params);
    case "response":
      return JSON.stringify({ jsonrpc: "2.0", id: message.id, ...message.outcome });
  }
}

/** Returns the text of an error answer. */
export function errorText(id: MessageId | null, error: RpcError): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, error }));
}

/** Returns the text of an answer. */
export function resultText(id: MessageId, result: JsonObject): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, result }));
}

/** Returns the text of a request. */
export function requestText(id: MessageId, method: string, params?: JsonObject): Buffer {
  return Buffer.from(requestJson(id, method, params));
}

/** Returns the text of a notification. */
export function notificationText(method: string, params?: JsonObject): Buffer {
  return Buffer.from(notificationJson(method, params));
}

/**
 * Returns the id in what is left of a message that was too long to keep: before the field that made it so, or behind it.
 * Null when it cannot be told.
 */
export function idOfRemnant(head: Buffer, tail: Buffer): MessageId | null {
  const text = idAtStart.exec(head.toString())?.[1] ?? idAtEnd.exec(tail.toString())?.[1];
  if (text === undefined) return null;
  try {
    const id: unknown = JSON.parse(text);
    return isMessageId(id) ? id : null;
  } catch {
    return null;
  }
}

// What is too long is `params`, and where the rest stands is each SDK's own: jsonrpc, id, method, params (Python, Go, rmcp);
// jsonrpc, method, id, params (Java: `McpSchema.JSONRPCRequest`); jsonrpc, id, params, method (mcp-go: `JSONRPCRequest`, which
// embeds `Request`); method, params, jsonrpc, id (TypeScript: `Protocol.request` sets its own behind what it was given).
const string = String.raw`"(?:[^"\\]|\\.)*"`;
const id = String.raw`"id"\s*:\s*(${string}|-?\d+(?:\.\d+)?)`;
const field = String.raw`"(?:jsonrpc|method)"\s*:\s*${string}`;
const idAtStart = new RegExp(String.raw`^\s*\{\s*(?:${field}\s*,\s*){0,2}${id}\s*,`);
const idAtEnd = new RegExp(String.raw`,\s*${id}\s*(?:,\s*${field}\s*){0,2}\}\s*$`);

// `JSON.stringify` leaves out fields that are undefined.
function requestJson(id: MessageId, method: string, params: JsonObject | undefined): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

function notificationJson(method: string, params: JsonObject | undefined): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

function toResponse(value: JsonObject, id: MessageId | null): ResponseMessage | InvalidMessage {
  const { result, error } = value;
  if (isObject(error) && typeof error.code === "number" && typeof error.message === "string") {
    const { code, message, data } = error;
    return { kind: "response", id, outcome: { error: { code, message, ...(data === undefined ? {} : { data }) } } };
  }
  if (isObject(result) && id !== null) return { kind: "response", id, outcome: { result } };
  return invalid(-32600, "neither a method nor a result nor an error", id);
}

function isMessageId(value: unknown): value is MessageId {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

function invalid(code: InvalidMessage["code"], reason: string, id: MessageId | null = null): InvalidMessage {
  return { kind: "invalid", code, reason, id };
}
