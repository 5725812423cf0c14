import { TsmcpError } from "../core/errors.ts";
import { modernVersionOf } from "../mcp/era.ts";
import type { RequestMessage } from "../mcp/message.ts";
import { headersOfMessage } from "../mcp/request-headers.ts";
import { responseIn } from "../mcp/response.ts";
import type { Header } from "../net/http-message.ts";
import { RequestLost } from "../net/origin.ts";
import { metaOf, ownRequest } from "./own-request.ts";
import { Unavailable } from "./patience.ts";
import type { Session } from "./session.ts";
import { isAbsence, type Way } from "./way.ts";

const againAfterMs = 200;

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
  const until = performance.now() + waitMs;
  for (;;) {
    const { message, bytes } = ownRequest(newId(), method, params);
    const headers = (): readonly Header[] => headersOfMessage(message, session.current);
    const patienceMs = until - performance.now();
    try {
      const answer = await way.post({ body: bytes, signal, patienceMs, isHarmless: true, headers });
      if (answer.kind === "refused" && isAbsence(answer.status)) throw new Unavailable(answer);
      // A session that it forgot is the request's own matter.
      await responseIn(answer, message.id);
      return;
    } catch (error) {
      if (!(error instanceof RequestLost)) throw error;
      if (performance.now() > until) throw unsent(error);
      await way.urgency.wait(againAfterMs, signal);
    }
  }
}

function unsent(cause: RequestLost): TsmcpError {
  return new TsmcpError({
    code: "dial-failed",
    message: `the connection to the server breaks each time (${cause.message}), so the request was not sent`,
    hint: "look into the server's log",
    facts: { layer: "connect", reason: cause.message },
    cause,
  });
}
