import { modernVersionOf } from "../mcp/era.ts";
import type { RequestMessage } from "../mcp/message.ts";
import { headersOfMessage } from "../mcp/request-headers.ts";
import { responseIn } from "../mcp/response.ts";
import type { Header } from "../net/http-message.ts";
import { metaOf, ownRequest } from "./own-request.ts";
import { Unavailable } from "./patience.ts";
import type { Session } from "./session.ts";
import { untilNotLost } from "./until-not-lost.ts";
import { isAbsence, type Way } from "./way.ts";

/**
 * Resolves when the server answered something harmless, in the era of `like`; tried until `waitMs` are over. What it
 * answers does not matter. Throws `dial-failed`, or Unavailable.
 */
export async function probe(
  like: RequestMessage,
  waitMs: number,
  context: { readonly way: Way; readonly session: Session; readonly newId: () => string; readonly signal: AbortSignal },
): Promise<void> {
  const { way, session, newId, signal } = context;
  const isModern = modernVersionOf(like) !== undefined;
  // There is nothing that a legacy server would answer outside of a session.
  if (!isModern && session.current === undefined) return;
  const [method, params] = isModern ? ["server/discover", metaOf(like)] : ["ping", undefined];
  const ask = async (patienceMs: number): Promise<void> => {
    const { message, bytes } = ownRequest(newId(), method, params);
    const headers = (): readonly Header[] => headersOfMessage(message, session.current);
    const answer = await way.post({ body: bytes, signal, patienceMs, isHarmless: true, headers });
    if (answer.kind === "refused" && isAbsence(answer.status)) throw new Unavailable(answer);
    // A session that it forgot is the request's own matter.
    await responseIn(answer, message.id);
  };
  await untilNotLost(ask, { waitMs, urgency: way.urgency, signal });
}
