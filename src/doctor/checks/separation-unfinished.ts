import { type Outcome, targetCheck } from "../check.ts";
import { besiegeUnfinished, type Siege } from "../intrusive/unfinished.ts";

export const separationUnfinished = targetCheck<Siege>({
  id: "separation.unfinished",
  group: "separation",
  title: "unfinished requests hold up nobody else",
  needs: ["public.tools"],
  sandboxOnly: true,
  timeoutMs: 60_000,
  source: "https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length",
  explain: {
    proves: "While requests from the internet wait for the rest of their bodies, the tailnet gets its tools.",
    breaks:
      "A server with one worker, or a few, waits for a body that never ends; tailscaled hands a request on before its body is there, so anybody can hold every worker.",
    mend: "Bound the time for a body, and serve the tailnet from a listener and workers of its own",
  },
  gather: besiegeUnfinished,
  judge: judgeSiege,
});

export function judgeSiege(found: Siege): Outcome {
  if (found.kind === "none") return { status: "pass", message: `there is no door to try (${found.reason})` };
  const { requests, during, after, tools } = found;
  const seesAll = ({ tools: seen }: typeof during): boolean => tools.every((tool) => seen.includes(tool));
  const facts = { requests, during: during.reason, after: after.reason };
  if (seesAll(during) && seesAll(after)) {
    return { status: "pass", message: `the tailnet gets its tools beside ${requests} unfinished requests`, facts };
  }
  if (during.kind === "held") return { status: "unknown", message: `stopped early: ${during.reason}`, facts };
  const message = seesAll(after)
    ? `${requests} unfinished requests from the internet keep the tailnet from its tools (${during.reason})`
    : `the tailnet lacks its tools after ${requests} unfinished requests from the internet (${after.reason})`;
  return {
    status: "fail",
    message,
    facts: { ...facts, why: separationUnfinished.explain.breaks },
    hint: separationUnfinished.explain.mend,
  };
}
