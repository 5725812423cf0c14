import { type Outcome, targetCheck } from "../check.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Sighting } from "../probe/look.ts";

interface EraFinding {
  readonly first: Sighting;
  /** The same server, asked as a modern client asks; undefined where the first look was that. */
  readonly modern: Sighting | undefined;
}

export const tailnetEra = targetCheck<EraFinding>({
  id: "tailnet.era",
  group: "tailnet",
  title: "today's agents and the server speak the same MCP",
  needs: ["tailnet.initialize"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2026-07-28/changelog",
  explain: {
    proves:
      "The server answers initialize, as nearly every agent of today opens; and whether it also knows the stateless MCP of 2026-07-28.",
    breaks: "A server that speaks the stateless era alone: agents that open with initialize are refused.",
    mend: "Let the server answer both (SDK v2 can), or use an agent that opens with server/discover.",
  },
  async gather(context) {
    const { route, sighting } = await tailnetView(context);
    if (sighting.opening === "modern") return { first: sighting, modern: undefined };
    const { traffic, machine } = context;
    const caller = createCaller({ route, disguise: plainly, traffic, signal: machine.signal });
    return { first: sighting, modern: await look(caller, "modern") };
  },
  judge: judgeEra,
});

export function judgeEra({ first, modern }: EraFinding): Outcome {
  const legacy = first.opening === "legacy" && first.opened;
  const isModern = modern === undefined ? first.opened : modern.opened && modern.kind === "listed";
  const facts = { legacy, modern: isModern, session: first.session };
  if (legacy) return { status: "pass", message: isModern ? "both eras" : "the era of initialize", facts };
  return {
    status: "warn",
    message: "the server speaks the stateless MCP of 2026-07-28 alone; agents that open with initialize are refused",
    facts,
    hint: "let the server answer both, or use an agent that opens with server/discover",
  };
}
