import type { Header } from "../net/http-message.ts";
import { modernVersionOf } from "./era.ts";
import { stringAt } from "./json.ts";
import type { Message } from "./message.ts";

/** What a legacy server told when it was initialized. */
export interface LegacySession {
  readonly id: string | undefined;
  readonly protocolVersion: string | undefined;
}

/** Which field of `params` the header `Mcp-Name` mirrors. Source: MCP 2026-07-28 basic/transports, SEP-2243, SEP-2663. */
const nameFields: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
]);

/** Returns the MCP headers of a POST: from the body alone in the modern era, from the session in the legacy one. */
export function headersOfMessage(message: Message, session: LegacySession | undefined): readonly Header[] {
  const version = modernVersionOf(message);
  if (version !== undefined && message.kind !== "response")
    return modernHeaders(message.method, message.params, version);
  // The opening request belongs to no session yet.
  if (message.kind === "request" && message.method === "initialize") return none;
  return headersOfSession(session);
}

/**
 * Returns the headers that every request in a session carries: a frozen list, the same one each time.
 * Source: MCP 2025-11-25 basic/transports.
 */
export function headersOfSession(session: LegacySession | undefined): readonly Header[] {
  if (session === undefined) return none;
  let headers = ofSessions.get(session);
  if (headers === undefined) {
    headers = Object.freeze(sessionHeaders(session));
    ofSessions.set(session, headers);
  }
  return headers;
}

const none: readonly Header[] = Object.freeze([]);
const ofSessions = new WeakMap<LegacySession, readonly Header[]>();

function sessionHeaders({ id, protocolVersion }: LegacySession): readonly Header[] {
  const headers: Header[] = [];
  if (id !== undefined) headers.push(["mcp-session-id", id]);
  if (protocolVersion !== undefined) headers.push(["mcp-protocol-version", protocolVersion]);
  return headers;
}

function modernHeaders(method: string, params: unknown, version: string): Header[] {
  const headers: Header[] = [
    ["mcp-protocol-version", encodedValue(version)],
    ["mcp-method", encodedValue(method)],
  ];
  const name = mirroredName(method, params);
  if (name !== undefined) headers.push(["mcp-name", encodedValue(name)]);
  return headers;
}

/** Returns what the header `Mcp-Name` of a request must say, undefined where it has none. */
export function mirroredName(method: string, params: unknown): string | undefined {
  return stringAt(params, nameFields.get(method) ?? "");
}

/** What a header cannot carry as it is goes as `=?base64?…?=`. Source: SEP-2243 "Value Encoding". */
export function encodedValue(value: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/i.test(value);
  return isPlain || value === "" ? value : `=?base64?${Buffer.from(value, "utf8").toString("base64")}?=`;
}

/** Returns the text that a header's value stands for; undefined for what two readers could decode differently. */
export function decodedValue(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/i.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, "base64");
  // Node leaves out what is no base64, and does not miss the padding; others refuse both.
  return bytes.toString("base64") === encoded ? bytes.toString("utf8") : undefined;
}
