import { headerOf } from "../../net/http-message.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { publicView } from "../facts/public-view.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";

interface Posture {
  /** Whether it remembers a stranger who said `initialize`. */
  readonly session: boolean;
  /** Whether it keeps a stream open for a stranger without a session. */
  readonly stream: boolean;
  readonly reason: string | undefined;
  /** Why it was not asked for a stream. */
  readonly held?: string | undefined;
}

export const publicFlood = targetCheck<Posture>({
  id: "public.flood",
  group: "public",
  title: "strangers are given nothing that must be kept",
  needs: ["public.address"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management",
  explain: {
    proves:
      "The public side hands out no session ids and keeps no streams open, so that a flood of strangers fills nothing.",
    breaks: "A server that makes a session for each initialize, or holds a stream for each GET, whoever asks.",
    mend: "Answer initialize on the public side without a session id, and GET with 405.",
  },
  gather: lookAtPosture,
  judge: judgePosture,
});

export function judgePosture({ session, stream, reason, held }: Posture): Outcome {
  if (reason !== undefined) return { status: "pass", message: `nothing is given (${reason})` };
  const facts = { session, stream };
  const given = [...(session ? ["a session id"] : []), ...(stream ? ["an open stream"] : [])];
  if (given.length === 0 && held !== undefined) return { status: "unknown", message: held, facts };
  if (given.length === 0) return { status: "pass", message: "neither sessions nor streams", facts };
  return {
    status: "warn",
    message: `every stranger gets ${given.join(" and ")}`,
    facts,
    hint: "answer initialize on the public side without a session id, and GET with 405",
  };
}

async function lookAtPosture(context: TargetContext, signal: AbortSignal): Promise<Posture> {
  const view = await publicView(context);
  if (view.kind !== "seen") return { session: false, stream: false, reason: view.reason };
  const opened = view.looks.find(({ sighting }) => sighting.opened) ?? view.looks[0];
  if (opened === undefined) return { session: false, stream: false, reason: "nothing answers" };
  const caller = createCaller({ route: opened.route, disguise: plainly, traffic: context.traffic, signal });
  const reply = await caller.get({ headers: [["Accept", "text/event-stream"]] });
  const type = reply.kind === "answered" ? (headerOf(reply.headers, "content-type") ?? "") : "";
  return {
    session: view.looks.some(({ sighting }) => sighting.session),
    stream: reply.kind === "answered" && reply.status === 200 && type.startsWith("text/event-stream"),
    reason: undefined,
    held: reply.kind === "held" ? reply.reason : undefined,
  };
}
