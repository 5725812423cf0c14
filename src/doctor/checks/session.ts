import { judgeAttack } from "../attack/judge-attack.ts";
import { lendSessions, type SessionAttack } from "../attack/sessions.ts";
import { type Outcome, targetCheck } from "../check.ts";

export const separationSession = targetCheck<SessionAttack>({
  id: "separation.session",
  group: "separation",
  title: "a session of the tailnet side is worthless on the public side",
  needs: ["tailnet.initialize", "public.tools"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management",
  explain: {
    proves:
      "A session id made on 8443 lists nothing, opens no stream and ends nothing when it is used on 443; one of the public side is not raised by its use on the tailnet, and one that nobody made opens nothing.",
    breaks:
      "One process answers both sides and decides at initialize what a session may see; whoever learns the id uses it from anywhere.",
    mend: "Give each exposure a listener of its own with sessions of its own, or bind the session to the side on which it began.",
  },
  gather: lendSessions,
  judge: judgeLent,
});

export function judgeLent(found: SessionAttack): Outcome {
  if (found.kind === "sessionless") return { status: "skip", message: found.reason };
  return judgeAttack(found, {
    why: separationSession.explain.breaks,
    mend: "give each exposure a listener of its own with sessions of its own",
  });
}
