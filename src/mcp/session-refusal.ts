import type { Answer } from "./endpoint.ts";
import { objectAt, stringAt } from "./json.ts";
import type { LegacySession } from "./request-headers.ts";

/** Bad request, unauthorized (rmcp 0.2 to 0.16), gone. */
const statuses: ReadonlySet<number> = new Set([400, 401, 410]);

/** Errors of the transport; one of a method or a tool would say that the request was looked at. */
const codes: ReadonlySet<unknown> = new Set([-32000, -32001, -32600]);

/** What Python SDK 1.x answers under when it has not read the request. */
const unreadId = "server-error";

/** The session of the transport: a tool has a "browser session", and its own camera that is "not initialized". */
const session =
  /(?:^|[^\w\s]\s*|\b(?:mcp|the|this|your|valid|active|existing|such|unknown|invalid|expired|stale|missing|no|find)\s+)(?:mcp[ -]?)?session(?![_-]?(?!id)[a-z])/i;
const isUnknown =
  /\b(?:not (?:found|known|valid|active|recogni[sz]ed|supported|exist)|no (?:valid|active|such|longer|session)|invalid|unknown|missing|expired|required|stale|gone|find)\b/i;
const uninitialized =
  /(?:^|[^\w\s]\s*|\b(?:server|session|client|connection|transport) )(?:is |was |has )?not (?:yet )?(?:been )?initiali[sz]ed/i;

/**
 * Returns true when the server refused a request because it does not know the session, so that the request never ran. That
 * is 404 (MCP 2025-11-25 Session Management), unless an error under the request's own id says something else. But older
 * servers say 400 or 401, as JSON-RPC or as plain text, and there is nothing to tell that by but the words: "Bad Request:
 * No valid session ID provided" (Python before 2026, the examples of the TypeScript SDK), "Invalid session ID" (mcp-go
 * before 2026), "Unauthorized: Session not found" (rmcp), "Bad Request: Server not initialized" (one transport of the
 * TypeScript SDK, started anew).
 * Source: python-sdk `streamable_http_manager.py` (404 since #1808), mcp-go `server/streamable_http.go` (404 since #689),
 * rust-sdk `streamable_http_server/tower.rs` (404 since #682), typescript-sdk `server/src/server/streamableHttp.ts`; 404
 * from the first in go-sdk `mcp/streamable.go` (plain text), java-sdk `HttpServletStreamableServerTransportProvider` (an
 * `McpError` that is no JSON-RPC) and csharp-sdk `StreamableHttpHandler.cs` (-32001 under the request's id).
 */
export function isSessionRefusal(answer: Answer, sentIn: LegacySession | undefined): boolean {
  if (answer.kind !== "refused" || sentIn === undefined) return false;
  const error = objectAt(answer.body, "error");
  const code = typeof error?.code === "number" ? error.code : undefined;
  const words = (code === undefined ? answer.text : stringAt(error, "message")) ?? "";
  const blamesSession = (session.test(words) && isUnknown.test(words)) || uninitialized.test(words);
  // The server had no sessions, and was started anew as one that has.
  if (sentIn.id === undefined) return answer.status === 400 && code === -32000 && blamesSession;
  if (answer.status === 404) return blamesSession || code === undefined || !isOfRequest(answer.body?.id);
  return statuses.has(answer.status) && (code === undefined || codes.has(code)) && blamesSession;
}

function isOfRequest(id: unknown): boolean {
  return typeof id === "number" || (typeof id === "string" && id !== unreadId);
}
