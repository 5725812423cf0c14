import { leakedTools } from "../attack/leaked-tools.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { type PublicPorts, publicPorts } from "../facts/public-ports.ts";
import { curlLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import type { Sighting } from "../probe/look.ts";

interface Looked {
  readonly found: PublicPorts;
  readonly allowed: readonly string[];
}

export const separationPorts = targetCheck<Looked>({
  id: "separation.ports",
  group: "separation",
  title: "no other public port shows the tools",
  needs: ["public.address"],
  timeoutMs: 30_000,
  source: "https://tailscale.com/kb/1223/funnel",
  explain: {
    proves:
      "At the other ports that Funnel has (443, 8443, 10000) the internet finds nothing, or a server that shows it no tools.",
    breaks:
      "Funnel was switched on for the port that is meant for the tailnet (funnel --https=8443), which makes every handler of that port public.",
    mend: "On the server run: tailscale funnel --https=8443 off, then serve the port anew with tailscale serve.",
  },
  gather: async (context) => ({ found: await publicPorts(context), allowed: context.target.publicTools }),
  judge: judgePorts,
});

export function judgePorts({ found, allowed }: Looked): Outcome {
  if (found.kind === "unknown") return { status: "skip", message: found.reason };
  const looks = found.ports.flatMap(({ port, looks }) => looks.map((one) => ({ port, ...one })));
  const open = looks
    .map((one) => ({ ...one, leaked: leakedTools(one.sighting.tools, allowed) }))
    .find(({ leaked }) => leaked.length > 0);
  if (open !== undefined) {
    const { port, route, sighting, leaked } = open;
    const count = `${leaked.length} ${leaked.length === 1 ? "tool" : "tools"}`;
    return {
      status: "fail",
      message: `the whole internet sees ${count} at port ${port} (${route.url.href})`,
      facts: { port, url: route.url.href, tools: leaked.length, names: leaked, why: separationPorts.explain.breaks },
      reproduce: curlLine({ route, disguise: plainly, opening: sighting.opening, session: sighting.session }),
      hint: `on the server run: tailscale funnel --https=${port} off, then serve the port anew`,
    };
  }
  const ports = found.ports.map(({ port }) => port);
  const lost = looks.find(({ sighting }) => isLost(sighting));
  if (lost !== undefined) {
    return { status: "unknown", message: `port ${lost.port}: ${lost.sighting.reason}`, facts: { ports } };
  }
  const answering = found.ports.filter(({ looks: [first] }) => first?.sighting.kind !== "unreachable");
  if (answering.length === 0)
    return { status: "pass", message: `nothing answers at ${ports.join(" and ")}`, facts: { ports } };
  const shown = answering.map(({ port }) => port).join(" and ");
  return { status: "pass", message: `no tools at ${shown}`, facts: { ports } };
}

/** Refused and closed are answers; a silence may be a filter on our own way out. */
function isLost({ kind, status, layer }: Sighting): boolean {
  if (kind === "unreachable") return layer !== "refused" && layer !== "closed";
  return status === undefined || kind === "redirected" || kind === "broken";
}
