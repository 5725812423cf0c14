import { shellQuote } from "../../core/shell-quote.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { type TailnetDial, tailnetDialed } from "../facts/tailnet-dial.ts";

export const tailnetDial = targetCheck<TailnetDial>({
  id: "tailnet.dial",
  group: "tailnet",
  title: "the server's port answers on the tailnet",
  needs: ["tailnet.grants"],
  timeoutMs: 10_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/cmd/tailscaled/proxy.go",
  explain: {
    proves: "A TCP connection to the server's tailnet address is accepted.",
    breaks: "A server that is off, a wrong port, or Serve that is not on.",
    mend: "Check that the server is up; on the server run: tailscale serve status.",
  },
  gather: tailnetDialed,
  judge: judgeDial,
});

export function judgeDial({ end, through, durationMs, failure }: TailnetDial): Outcome {
  const facts = { end, through: through ?? null, durationMs, ...failure };
  if (failure === undefined)
    return { status: "pass", message: through === undefined ? end : `${end} through ${through}`, facts };
  const isName = failure.layer === "name";
  return {
    status: "fail",
    message: isName ? `the name ${end} leads nowhere: ${failure.reason}` : `${end} does not answer: ${failure.reason}`,
    facts,
    reproduce: dialLine({ end, through }),
    hint: isName ? "check the name, and that this machine is on the tailnet that has it" : hintOf(failure.reason, end),
  };
}

/** Returns a shell line that goes the same way. */
export function dialLine({ end, through }: Pick<TailnetDial, "end" | "through">): string {
  const proxy = through === undefined ? "--noproxy '*' " : `-x ${shellQuote(through)} `;
  return `curl -sS -m 10 ${proxy}${shellQuote(`https://${end}/`)}`;
}

function hintOf(reason: string, end: string): string {
  const port = end.slice(end.lastIndexOf(":") + 1);
  return /refused/.test(reason)
    ? `switch Serve on at the server: tailscale serve --bg --https=${port} TARGET`
    : "check that the server is up and on the tailnet: tailscale status there";
}
