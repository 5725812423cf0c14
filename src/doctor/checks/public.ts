import { leakedTools } from "../attack/leaked-tools.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { type PublicLook, type PublicView, publicView } from "../facts/public-view.ts";
import { type PublicWay, publicVantage, publicWay } from "../facts/public-way.ts";
import { curlLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import type { Sighting } from "../probe/look.ts";

export const publicAddress = targetCheck<{ way: PublicWay; vantage: boolean; host: string }>({
  id: "public.address",
  group: "public",
  title: "the internet's way to the server is known",
  needs: [],
  timeoutMs: 15_000,
  source: "https://github.com/tailscale/tailscale/issues/19290",
  explain: {
    proves:
      "The name was resolved by a public resolver to an address of the internet, so what follows goes the way a stranger goes. Inside a tailnet the system's resolver gives the tailnet address, which is Serve and not Funnel.",
    breaks: "No way out to a public resolver, or a name that leads to a private address.",
    mend: "Run the doctor where the internet can be reached, or name a resolver (--public-dns) or the address itself (--connect-to HOST:443:ADDRESS:443).",
  },
  async gather(context) {
    const way = await publicWay(context);
    const [url] = context.target.server.publicUrls ?? [];
    const vantage = way.kind === "nameless" && (await publicVantage(context.machine));
    return { way, vantage, host: url === undefined ? "the server" : new URL(url).host };
  },
  judge: judgeAddress,
});

export function judgeAddress({ way, vantage, host }: { way: PublicWay; vantage: boolean; host: string }): Outcome {
  const hint = "run the doctor where the internet can be reached, or name the address with --connect-to";
  switch (way.kind) {
    case "open": {
      const from = way.typed ? "as typed in --connect-to" : `by ${way.resolver}`;
      return {
        status: "pass",
        message: `${host} is ${way.address} port ${way.port}, ${from}`,
        facts: { address: way.address, port: way.port, typed: way.typed, resolver: way.resolver ?? null },
      };
    }
    case "nameless":
      return vantage
        ? {
            status: "pass",
            message: `${host} has no public address (${way.resolver})`,
            facts: { resolver: way.resolver },
          }
        : {
            status: "unknown",
            message: `${way.resolver} knows no address of ${host}, but the internet cannot be reached from here`,
            facts: { resolver: way.resolver },
            hint,
          };
    case "forbidden":
      return {
        status: "unknown",
        message: `${host} leads to ${way.addresses.join(", ")}, which is no address of the internet`,
        facts: { addresses: [...way.addresses], resolver: way.resolver },
        hint,
      };
    case "unknown":
      return { status: "unknown", message: way.reason, hint };
  }
}

export const publicInitialize = targetCheck<{ view: PublicView; declaredClosed: boolean }>({
  id: "public.initialize",
  group: "public",
  title: "an agent's settings page can validate the public URL",
  needs: ["public.address"],
  timeoutMs: 40_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle",
  explain: {
    proves:
      "initialize succeeds on the public side, which is what the settings pages of agents try before they accept a URL.",
    breaks:
      "Funnel is off, or the public side refuses everybody. That is safe, and some agents' settings will not take the URL.",
    mend: "Let the public side answer initialize with empty lists, or say publicUrl: null in the configuration.",
  },
  gather: async (context) => ({ view: await publicView(context), declaredClosed: context.target.server.publicClosed }),
  judge: judgePublicInitialize,
});

export function judgePublicInitialize({
  view,
  declaredClosed,
}: {
  view: PublicView;
  declaredClosed: boolean;
}): Outcome {
  if (view.kind === "unknown") return { status: "unknown", message: view.reason };
  const opened = view.kind === "seen" ? view.looks.find(({ sighting }) => sighting.opened) : undefined;
  if (opened !== undefined) {
    const { sighting, route } = opened;
    const facts = {
      url: route.url.href,
      era: sighting.opening,
      server: sighting.serverName ?? null,
      status: sighting.status ?? null,
    };
    if (declaredClosed) {
      const message = `an MCP server answers at ${route.url.href}, where nothing may (publicUrl is null)`;
      return { status: "fail", message, facts, hint: "switch Funnel off: tailscale funnel --https=443 off" };
    }
    return { status: "pass", message: `${route.url.href} can be validated`, facts };
  }
  const reason = view.kind === "closed" ? view.reason : (view.looks[0]?.sighting.reason ?? "no answer");
  if (view.kind === "seen" && view.looks.some(({ sighting }) => sighting.kind === "held")) {
    return { status: "unknown", message: reason };
  }
  const facts = { reason };
  if (declaredClosed && view.kind === "closed") {
    return { status: "pass", message: `nothing answers, as declared (${reason})`, facts };
  }
  if (declaredClosed) {
    const message = `something answers (${reason}) where nothing may (publicUrl is null)`;
    return { status: "warn", message, facts, hint: "switch Funnel off: tailscale funnel --https=443 off" };
  }
  return {
    status: "warn",
    message: `an agent's settings page cannot validate the public URL (${reason})`,
    facts,
    hint: "let the public side answer initialize with empty lists, or say publicUrl: null in the configuration",
  };
}

interface PublicTools {
  readonly view: PublicView;
  /** Patterns of what may be seen. */
  readonly allowed: readonly string[];
}

export const publicTools = targetCheck<PublicTools>({
  id: "public.tools",
  group: "public",
  title: "the internet sees no tools",
  needs: ["public.address"],
  timeoutMs: 40_000,
  mandatory: true,
  source: "https://tailscale.com/kb/1223/funnel",
  explain: {
    proves:
      "An ordinary request from the internet gets no tool list, or one with nothing but the tools that expect.publicTools allows; in either era of MCP, with and without initialize.",
    breaks: "Funnel leads to the same handler as Serve; anybody who knows the name can list and call the tools.",
    mend: "Give the public side a listener of its own that answers with empty lists, or switch Funnel off: tailscale funnel --https=443 off.",
  },
  gather: async (context) => ({ view: await publicView(context), allowed: context.target.publicTools }),
  judge: judgePublicTools,
});

export function judgePublicTools({ view, allowed }: PublicTools): Outcome {
  if (view.kind === "unknown") return { status: "unknown", message: view.reason };
  if (view.kind === "closed")
    return {
      status: "pass",
      message: `closed to the internet: nothing answers there, as when Funnel is off (${view.reason})`,
      facts: { tools: 0, closed: view.reason },
    };
  const open = view.looks
    .map((look) => ({ look, leaked: leakedTools(look.sighting.tools, allowed) }))
    .sort((one, other) => other.leaked.length - one.leaked.length)[0];
  if (open !== undefined && open.leaked.length > 0) return openToAll(open.look, open.leaked);
  const blind = view.looks.find(({ sighting }, index) => cannotTell(sighting, { isFirst: index === 0 }));
  if (blind !== undefined) {
    const { reason, status, redirect } = blind.sighting;
    return {
      status: "unknown",
      message: `cannot tell: ${reason}`,
      facts: { status: status ?? null, ...(redirect === undefined ? {} : { redirect: redirect.shown }) },
      ...(redirect === undefined
        ? {}
        : {
            hint: "let the public side answer by itself, or look at what lies there: redirects off the host are not followed",
          }),
    };
  }
  const [first] = view.looks;
  const seen = Math.max(0, ...view.looks.map(({ sighting }) => sighting.tools.length));
  const facts = { tools: seen, status: first?.sighting.status ?? null };
  if (seen > 0) return { status: "pass", message: `${seen} tools, all of them allowed`, facts };
  return {
    status: "pass",
    message: first?.sighting.kind === "refused" ? `refuses everybody (${first.sighting.reason})` : "no tools",
    facts,
  };
}

/** A server may fall over a message of the other era; that it answers the first look is enough. */
function cannotTell({ kind, status }: Sighting, { isFirst }: { isFirst: boolean }): boolean {
  if (kind === "broken") return isFirst || status === undefined;
  return kind === "held" || kind === "unreachable" || kind === "redirected";
}

function openToAll({ route, sighting }: PublicLook, leaked: readonly string[]): Outcome {
  return {
    status: "fail",
    message: `the whole internet sees ${leaked.length} ${leaked.length === 1 ? "tool" : "tools"} at ${route.url.href}`,
    facts: {
      url: route.url.href,
      tools: leaked.length,
      names: [...leaked],
      opening: sighting.opening,
      status: sighting.status ?? null,
    },
    reproduce: curlLine({ route, disguise: plainly, opening: sighting.opening, session: sighting.session }),
    hint: "give the public side a listener of its own that answers with empty lists, or switch Funnel off: tailscale funnel --https=443 off",
  };
}
