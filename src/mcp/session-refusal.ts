import type { Answer } from "./endpoint.ts";
import { objectAt, stringAt } from "./json.ts";
import type { LegacySession } from "./request-headers.ts";

/**
 * Returns true when the server refused a request because it does not know the session: 404 (MCP 2025-11-25 Session
 * Management), or, from server-everything and Python servers, 400 with -32000 and the word in the message, which is all
 * there is to tell it by. Such a request never ran.
 */
export function isSessionRefusal(answer: Answer, session: LegacySession | undefined): boolean {
  if (answer.kind !== "refused" || session?.id === undefined) return false;
  if (answer.status === 404) return true;
  const error = objectAt(answer.body, "error");
  return answer.status === 400 && error?.code === -32000 && /session/i.test(stringAt(error, "message") ?? "");
}
