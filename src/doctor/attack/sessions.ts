import { randomUUID } from "node:crypto";
import { type Header, headerOf } from "../../net/http-message.ts";
import type { TargetContext } from "../context.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { observation } from "../observation.ts";
import { type Caller, createCaller, type Reply } from "../probe/caller.ts";
import { sessionLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import { listWithin, nothingSeen, openedSession, type Sighting } from "../probe/look.ts";
import { initializedMessage, initializeMessage, sessionHeaders } from "../probe/message.ts";
import { approach, type OpenApproach } from "./approach.ts";
import type { Attack, Try } from "./attack.ts";

/** What came of using a session of one side on the other. */
export type SessionAttack = Attack | { readonly kind: "sessionless"; readonly reason: string };

/**
 * Lends the public side session ids: one made on the tailnet side (to list, to listen, to end it), one of its own after the
 * tailnet side used it, and one that nobody made. Only ids of this run go anywhere, and only to the name that gave them.
 */
export const lendSessions = observation(async (context: TargetContext): Promise<SessionAttack> => {
  const open = await approach(context);
  if (open.kind !== "open") return open;
  const { sighting, route: inside } = await tailnetView(context);
  const { traffic, machine } = context;
  const { signal } = machine;
  const stranger = createCaller({ route: open.route, disguise: plainly, traffic, signal });
  const owner = createCaller({ route: inside, disguise: plainly, traffic, signal });
  const madeUp = await useMadeUpId({ stranger, open, lines: linesOf(owner, stranger) });
  if (!sighting.session) {
    const isLeak = madeUp.sighting.tools.length > 0;
    return isLeak ? tried(open, [madeUp]) : { kind: "sessionless", reason: "the server keeps no sessions" };
  }
  // An id may go only where it came from: to the same name.
  if (open.route.url.hostname !== inside.url.hostname) {
    return { kind: "uncontrolled", reason: "the session id would go to another host" };
  }
  const lent = await useTailnetId({ owner, stranger });
  const returned = await usePublicIdInside({ owner, stranger });
  return tried(open, [...lent, ...returned, madeUp]);
});

function tried({ allowed }: OpenApproach, tries: readonly Try[]): Attack {
  return { kind: "tried", tries, allowed };
}

interface Sides {
  readonly owner: Caller;
  readonly stranger: Caller;
}

async function useTailnetId(sides: Sides): Promise<readonly Try[]> {
  const { owner, stranger } = sides;
  const session = await openSession(owner);
  if (session === undefined) return [lost(stranger, "a session id made on the tailnet", "it gave no second session")];
  const lines = linesOf(owner, stranger);
  try {
    const list = tryOf(stranger, "a session id made on the tailnet", await listWithin(stranger, session), lines);
    const stream = await listenWith(stranger, session);
    // A side that keeps no sessions opens a stream for any id: nobody's messages come there.
    const isMeant = isStream(stream) && !isStream(await listenWith(stranger, withMadeUpId(session)));
    const end = await stranger.end(session);
    const isEnded = wasAccepted(end) && hasNoList(await listWithin(owner, session));
    return [
      list,
      {
        ...tryOf(stranger, "a session id made on the tailnet, to listen", sightingOf(stream), lines),
        hole: isMeant ? "hears what is meant for a session made on the tailnet" : undefined,
      },
      {
        ...tryOf(stranger, "a session id made on the tailnet, to end it", sightingOf(end), lines),
        hole: isEnded ? "ends a session made on the tailnet" : undefined,
      },
    ];
  } finally {
    await owner.end(session);
  }
}

function listenWith(caller: Caller, session: readonly Header[]): Promise<Reply> {
  return caller.get({ headers: [["Accept", "text/event-stream"], ...session] });
}

function withMadeUpId(session: readonly Header[]): readonly Header[] {
  return session.map(([name, value]) => [name, name.toLowerCase() === "mcp-session-id" ? randomUUID() : value]);
}

/** A session may be taken for a better one once somebody from inside has used it. */
async function usePublicIdInside(sides: Sides): Promise<readonly Try[]> {
  const { owner, stranger } = sides;
  const session = await openSession(stranger);
  if (session === undefined) return [];
  try {
    await listWithin(owner, session);
    const seen = await listWithin(stranger, session);
    const label = "a session id of its own that was used on the tailnet";
    return [tryOf(stranger, label, seen, () => sessionLine({ inside: stranger.route, outside: stranger.route }))];
  } finally {
    await stranger.end(session);
  }
}

/** A gate may take any id for proof that somebody was let in before. */
async function useMadeUpId({
  stranger,
  open,
  lines,
}: {
  readonly stranger: Caller;
  readonly open: OpenApproach;
  readonly lines: () => string;
}): Promise<Try> {
  const version = open.manners[0]?.version ?? "2025-11-25";
  const seen = await listWithin(stranger, sessionHeaders({ id: randomUUID(), version }));
  return tryOf(stranger, "a session id that nobody made", seen, lines);
}

async function openSession(caller: Caller): Promise<readonly Header[] | undefined> {
  const reply = await caller.post(initializeMessage());
  if (reply.kind !== "answered" || reply.answer?.kind !== "result") return undefined;
  const { session, headers } = openedSession(reply.headers, reply.answer);
  if (!session) return undefined;
  await caller.post(initializedMessage(headers));
  return headers;
}

function linesOf(owner: Caller, stranger: Caller): () => string {
  return () => sessionLine({ inside: owner.route, outside: stranger.route });
}

function tryOf(stranger: Caller, label: string, sighting: Sighting, reproduce: () => string): Try {
  return { url: stranger.route.url.href, label, sighting, reproduce };
}

function lost(stranger: Caller, label: string, reason: string): Try {
  const sighting: Sighting = { ...nothingSeen, opening: "none", opened: false, kind: "broken", reason };
  return tryOf(stranger, label, sighting, () => "");
}

function sightingOf(reply: Reply): Sighting {
  const base = { ...nothingSeen, opening: "none", opened: false } as const;
  if (reply.kind === "answered")
    return { ...base, kind: "foreign", status: reply.status, reason: `HTTP ${reply.status}` };
  return { ...base, kind: reply.kind === "held" ? "held" : "broken", reason: reply.reason };
}

function isStream(reply: Reply): boolean {
  if (reply.kind !== "answered" || reply.status !== 200) return false;
  return (headerOf(reply.headers, "content-type") ?? "").startsWith("text/event-stream");
}

/** A silence, and a question that was never asked, are no proof that the session is gone. */
function hasNoList({ kind, status }: Sighting): boolean {
  return kind !== "listed" && status !== undefined;
}

function wasAccepted(reply: Reply): boolean {
  return reply.kind === "answered" && reply.status >= 200 && reply.status < 300;
}
