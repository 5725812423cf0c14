import { leakedTools } from "../attack/leaked-tools.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { type AskedAgain, askAgain } from "../facts/asked-again.ts";
import { curlLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";

export const separationCaching = targetCheck<AskedAgain>({
  id: "separation.caching",
  group: "separation",
  title: "what the tailnet was told is kept for nobody else",
  needs: ["tailnet.tools", "public.tools"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2026-07-28/changelog",
  explain: {
    proves:
      "Right after the tailnet side listed its tools the public side still lists none, and no list that depends on who asks says that it may be shared.",
    breaks:
      "The server, or a proxy before it, keeps the first list and gives it to whoever asks next; a list with cacheScope public, or Cache-Control public, invites them to.",
    mend: 'Keep lists by who asked, and say cacheScope: "private" and Cache-Control: private where they differ.',
  },
  gather: askAgain,
  judge: judgeCaching,
});

export function judgeCaching(found: AskedAgain): Outcome {
  if (found.kind === "closed")
    return { status: "skip", message: `there is no public list to compare with (${found.reason})` };
  const { looks, allowed, claims } = found;
  const open = looks
    .map((look) => ({ ...look, leaked: leakedTools(look.sighting.tools, allowed) }))
    .find(({ leaked }) => leaked.length > 0);
  if (open !== undefined) {
    const { route, sighting, leaked } = open;
    const count = `${leaked.length} ${leaked.length === 1 ? "tool" : "tools"}`;
    return {
      status: "fail",
      message: `the internet sees ${count} after the tailnet has asked for them`,
      facts: { url: route.url.href, tools: leaked.length, names: leaked, why: separationCaching.explain.breaks },
      reproduce: curlLine({ route, disguise: plainly, opening: sighting.opening, session: sighting.session }),
      hint: "keep lists by who asked, or keep none",
    };
  }
  const lost = looks.find(({ sighting }) => sighting.status === undefined);
  if (lost !== undefined) return { status: "unknown", message: lost.sighting.reason };
  const [claim] = claims;
  if (claim !== undefined) {
    return {
      status: "warn",
      message: `the list depends on who asks, and says ${claim}`,
      facts: { claims: [...claims] },
      hint: 'say cacheScope: "private" and Cache-Control: private on every list that differs',
    };
  }
  return { status: "pass", message: "no list is kept or may be shared" };
}
