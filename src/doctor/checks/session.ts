import { leakedTools } from "../attack/leaked-tools.ts";
import { publicDoor } from "../attack/public-door.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { control } from "../facts/control.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller } from "../probe/caller.ts";
import { sessionLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import { listWithin, openedSession, type Sighting } from "../probe/look.ts";
import { initializeMessage } from "../probe/message.ts";

/** What the public side shows to somebody who holds a session id of the tailnet side. */
export type BorrowedSession =
  | { readonly kind: "uncontrolled" | "closed" | "sessionless" | "unopened"; readonly reason: string }
  | {
      readonly kind: "tried";
      readonly sighting: Sighting;
      readonly allowed: readonly string[];
      readonly reproduce: string;
    };

export const separationSession = targetCheck<BorrowedSession>({
  id: "separation.session",
  group: "separation",
  title: "a session of the tailnet side is worthless on the public side",
  needs: ["tailnet.initialize", "public.tools"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management",
  explain: {
    proves: "A session id made on 8443 shows no tools when it is used on 443.",
    breaks:
      "One process answers both sides and decides at initialize what a session may see; whoever learns the id uses it from anywhere.",
    mend: "Give each exposure a listener of its own with sessions of its own, or bind the session to the side on which it began.",
  },
  gather: borrowSession,
  judge: judgeBorrowed,
});

export function judgeBorrowed(found: BorrowedSession): Outcome {
  switch (found.kind) {
    case "uncontrolled":
      return { status: "skip", message: `not tried, because nothing shows that this server is yours: ${found.reason}` };
    case "sessionless":
      return { status: "skip", message: found.reason };
    case "closed":
      return { status: "pass", message: `there is no door to try (${found.reason})`, facts: { closed: found.reason } };
    case "unopened":
      return { status: "unknown", message: found.reason };
    case "tried": {
      const { sighting, allowed, reproduce } = found;
      const leaked = leakedTools(sighting.tools, allowed);
      const facts = { status: sighting.status ?? null, tools: leaked.length, names: leaked };
      if (leaked.length > 0) {
        return {
          status: "fail",
          message: `the internet sees ${leaked.length} ${leaked.length === 1 ? "tool" : "tools"} with a session id made on the tailnet`,
          facts: { ...facts, why: separationSession.explain.breaks },
          reproduce,
          hint: "give each exposure a listener of its own with sessions of its own",
        };
      }
      if (sighting.status === undefined) return { status: "unknown", message: sighting.reason, facts };
      return { status: "pass", message: `refused there (${sighting.reason})`, facts };
    }
  }
}

async function borrowSession(context: TargetContext, signal: AbortSignal): Promise<BorrowedSession> {
  const standing = await control(context);
  if (standing.kind === "missing") return { kind: "uncontrolled", reason: standing.reason };
  const door = await publicDoor(context);
  if (door.kind === "closed") return door;
  const { route: inside, sighting: ordinary } = await tailnetView(context);
  // An id may go only where it came from: to the same name.
  if (door.route.url.hostname !== inside.url.hostname) {
    return { kind: "uncontrolled", reason: "the session id would go to another host" };
  }
  if (!ordinary.session) return { kind: "sessionless", reason: "the server keeps no sessions" };
  const { traffic, target } = context;
  const owner = createCaller({ route: inside, disguise: plainly, traffic, signal });
  const reply = await owner.post(initializeMessage());
  if (reply.kind !== "answered" || reply.answer?.kind !== "result") {
    return { kind: "unopened", reason: "the tailnet side opened no second session" };
  }
  const session = openedSession(reply.headers, reply.answer);
  try {
    const stranger = createCaller({ route: door.route, disguise: plainly, traffic, signal });
    const sighting = await listWithin(stranger, session.headers);
    return {
      kind: "tried",
      sighting,
      allowed: target.publicTools,
      reproduce: sessionLine({ inside, outside: door.route }),
    };
  } finally {
    await owner.end(session.headers);
  }
}
