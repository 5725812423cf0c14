/** One thing that stands in the way, and what mends it. */
export interface Refusal {
  readonly id: RefusalId;
  readonly what: string;
  /** A sentence. */
  readonly mend: string;
  /** What to type, or to add to the tailnet's policy file. */
  readonly lines: readonly string[];
}

/** For programs; they never change meaning. */
export type RefusalId =
  | "node.state"
  | "node.shields-up"
  | "node.untagged"
  | "user.rights"
  | "program.missing"
  | "program.outdated"
  | "tailnet.magic-dns"
  | "tailnet.https"
  | "tailnet.funnel"
  | "tailnet.funnel-port"
  | "version.funnel"
  | "serve.funnel-on"
  | "serve.private-on-funnel"
  | "serve.private-elsewhere"
  | "serve.others-on-port"
  | "serve.port-taken"
  | "serve.path-taken"
  | "upstream.failing";

/** Returns refusals for people: what, then how to mend it. */
export function refusalText(refusals: readonly Refusal[]): string {
  return refusals
    .map(
      ({ id, what, mend, lines }) =>
        `${id}: ${what}\n  do: ${mend}\n${lines.map((line) => `      ${line}\n`).join("")}`,
    )
    .join("");
}
