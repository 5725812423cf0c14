import type { Header } from "../../net/http-message.ts";
import type { TargetContext } from "../context.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { openedSession } from "../probe/look.ts";
import { initializedMessage, initializeMessage } from "../probe/message.ts";
import type { Route } from "../probe/route.ts";

/** A session that the public side gave to a stranger who said nothing untrue. */
export type PublicSession = { readonly kind: "open"; readonly headers: readonly Header[] } | { readonly kind: "none" };

const sessions = new WeakMap<TargetContext, Map<string, Promise<PublicSession>>>();

/** Opens one session at `route` for the whole run, within which forged requests are sent; it is ended with the run. */
export function publicSession(context: TargetContext, route: Route): Promise<PublicSession> {
  const known = sessions.get(context) ?? new Map<string, Promise<PublicSession>>();
  sessions.set(context, known);
  const session = known.get(route.url.href) ?? openSession(context, route);
  known.set(route.url.href, session);
  return session;
}

async function openSession(context: TargetContext, route: Route): Promise<PublicSession> {
  const { traffic, machine, farewells } = context;
  const caller = createCaller({ route, disguise: plainly, traffic, signal: machine.signal });
  const reply = await caller.post(initializeMessage());
  if (reply.kind !== "answered" || reply.answer?.kind !== "result") return { kind: "none" };
  const { session, headers } = openedSession(reply.headers, reply.answer);
  if (!session) return { kind: "none" };
  farewells.push(() => caller.end(headers));
  await caller.post(initializedMessage(headers));
  return { kind: "open", headers };
}
