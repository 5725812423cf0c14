import type { Answer } from "./endpoint.ts";
import { objectAt, stringAt } from "./json.ts";
import type { LegacySession } from "./request-headers.ts";

/** Bad request, unauthorized (rmcp until 0.8), gone. */
const statuses: ReadonlySet<number> = new Set([400, 401, 410]);

/** Errors of the transport; one of a method or a tool would say that the request was looked at. */
const codes: ReadonlySet<unknown> = new Set([-32000, -32001, -32600]);

/**
 * Returns true when the server refused a request because it does not know the session. That is 404 (MCP 2025-11-25
 * Session Management); but many servers say 400 or 401, as JSON-RPC or as plain text, and there is nothing to tell that by
 * but the word: "No valid session ID provided" (Python, server-everything), "Invalid session ID" (mcp-go), "Session not
 * found" (rmcp), "Server not initialized" (one transport of the TypeScript SDK, started anew). Such a request never ran.
 */
export function isSessionRefusal(answer: Answer, session: LegacySession | undefined): boolean {
  if (answer.kind !== "refused" || session?.id === undefined) return false;
  if (answer.status === 404) return true;
  if (!statuses.has(answer.status)) return false;
  const error = objectAt(answer.body, "error");
  const words = error === undefined || typeof error.code !== "number" ? answer.text : stringAt(error, "message");
  if (typeof error?.code === "number" && !codes.has(error.code)) return false;
  return /session|not (been )?initiali[sz]ed/i.test(words ?? "");
}
