import type { Outcome } from "../check.ts";
import { curlLine } from "../probe/curl.ts";
import type { Attack, Try } from "./attack.ts";
import { leakedTools } from "./leaked-tools.ts";

/** What a check says of a disguise that got in. */
export interface AttackWords {
  readonly why: string;
  readonly mend: string;
}

/** Returns what an attack comes to: any tool seen is a failure; none, where the server answered, is a pass. */
export function judgeAttack(attack: Attack, words: AttackWords): Outcome {
  if (attack.kind === "uncontrolled") {
    return {
      status: "skip",
      message: `not tried, because nothing shows that this server is yours: ${attack.reason}`,
      hint: "make the tailnet side answer, or say that the host is yours with --authorized HOST",
    };
  }
  if (attack.kind === "closed") {
    return {
      status: "pass",
      message: `there is no door to try (${attack.reason})`,
      facts: { tried: 0, closed: attack.reason },
    };
  }
  const { tries, allowed } = attack;
  const holes = tries
    .map((one) => ({ one, leaked: leakedTools(one.sighting.tools, allowed) }))
    .filter(({ leaked }) => leaked.length > 0);
  const [worst] = holes;
  if (worst !== undefined) {
    return letIn(worst.one, {
      leaked: worst.leaked,
      accepted: holes.map(({ one }) => one.disguise.label),
      tried: tries.length,
      words,
    });
  }
  const held = tries.find(({ sighting }) => sighting.kind === "held");
  const unanswered = tries
    .filter(({ sighting }) => sighting.status === undefined)
    .map(({ disguise }) => disguise.label);
  const facts = { tried: tries.length, unanswered };
  if (held !== undefined) return { status: "unknown", message: `stopped early: ${held.sighting.reason}`, facts };
  if (!tries.some(({ sighting }) => sighting.status !== undefined)) {
    return {
      status: "unknown",
      message: `no request was answered: ${tries[0]?.sighting.reason ?? "none was sent"}`,
      facts,
    };
  }
  return {
    status: "pass",
    message: `${tries.length} forged ${tries.length === 1 ? "request" : "requests"} saw no tool`,
    facts,
  };
}

function letIn(
  { route, disguise, sighting }: Try,
  found: {
    readonly leaked: readonly string[];
    readonly accepted: readonly string[];
    readonly tried: number;
    readonly words: AttackWords;
  },
): Outcome {
  const { leaked, accepted, tried, words } = found;
  const others = accepted.length > 1 ? `; ${accepted.length - 1} other forms get in too` : "";
  return {
    status: "fail",
    message: `the internet sees ${leaked.length} ${leaked.length === 1 ? "tool" : "tools"} when it sends ${disguise.label}${others}`,
    facts: {
      request: disguise.label,
      url: route.url.href,
      status: sighting.status ?? null,
      tools: leaked.length,
      names: [...leaked],
      accepted: [...accepted],
      tried,
      why: words.why,
    },
    reproduce: curlLine({ route, disguise, opening: sighting.opening, session: sighting.session }),
    hint: words.mend,
  };
}
