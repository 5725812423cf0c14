import type { Outcome } from "../check.ts";
import type { Sighting } from "../probe/look.ts";
import type { Attack, Try } from "./attack.ts";
import { leakedTools } from "./leaked-tools.ts";

/** What a check says of a request that got in. */
export interface AttackWords {
  readonly why: string;
  readonly mend: string;
}

/** Returns what an attack comes to: any tool seen is a failure; none, where every request was answered, is a pass. */
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
    .filter(({ one, leaked }) => leaked.length > 0 || one.hole !== undefined);
  const [worst] = holes;
  if (worst !== undefined) {
    const accepted = [...new Set(holes.map(({ one }) => one.label))];
    return letIn(worst.one, { leaked: worst.leaked, accepted, tried: tries.length, words });
  }
  return shut(tries);
}

/** Says what requests that saw nothing prove: all of them answered, or some of them lost. */
function shut(tries: readonly Try[]): Outcome {
  const made = tries.filter(({ sighting }) => sighting.kind !== "inapplicable");
  const lost = made.filter(({ sighting }) => isLost(sighting));
  const facts = { tried: made.length, unanswered: lost.map(({ label }) => label) };
  const held = lost.find(({ sighting }) => sighting.kind === "held");
  if (held !== undefined) return { status: "unknown", message: `stopped early: ${held.sighting.reason}`, facts };
  const [first] = lost;
  if (first !== undefined) {
    const share = lost.length === made.length ? "none" : `${lost.length} of ${made.length}`;
    const what = share === "none" ? "no request was answered" : `${share} forged requests had no answer that tells`;
    return { status: "unknown", message: `${what} (${first.label}: ${first.sighting.reason})`, facts };
  }
  if (made.length === 0) return { status: "unknown", message: "no request was sent", facts };
  const forged = made.length === 1 ? "1 forged request" : `${made.length} forged requests`;
  return { status: "pass", message: `${forged} saw no tool`, facts };
}

/**
 * No answer, one that could not be read to its end, one that lies elsewhere, or that of a relay which got none itself (502 to
 * 504, twice), shows nothing either way.
 */
function isLost({ kind, status, redirect }: Sighting): boolean {
  if (kind === "held" || status === undefined || (status >= 502 && status <= 504)) return true;
  return kind === "redirected" && redirect?.isHome !== true;
}

function letIn(
  { url, label, sighting, hole, reproduce }: Try,
  found: {
    readonly leaked: readonly string[];
    readonly accepted: readonly string[];
    readonly tried: number;
    readonly words: AttackWords;
  },
): Outcome {
  const { leaked, accepted, tried, words } = found;
  const count = accepted.length - 1;
  const others = count > 0 ? `; ${count} other ${count === 1 ? "form gets" : "forms get"} in too` : "";
  const got = hole ?? `sees ${leaked.length} ${leaked.length === 1 ? "tool" : "tools"} when it sends ${label}`;
  return {
    status: "fail",
    message: `the internet ${got}${others}`,
    facts: {
      request: label,
      url,
      status: sighting.status ?? null,
      tools: leaked.length,
      names: [...leaked],
      accepted: [...accepted],
      tried,
      why: words.why,
    },
    reproduce: reproduce(),
    hint: words.mend,
  };
}
