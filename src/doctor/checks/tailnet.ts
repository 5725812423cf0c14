import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { fitsPattern } from "../../core/tool-pattern.ts";
import { describeProxy } from "../../net/proxy.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { type TailnetView, tailnetView } from "../facts/tailnet-view.ts";
import { tailnetRoute, targetWay } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";
import { curlLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import type { Sighting } from "../probe/look.ts";
import { endOf } from "../target.ts";

const mcpTransports = "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports";

interface Dialed {
  readonly end: string;
  readonly through: string | undefined;
  readonly failure: { readonly layer: string; readonly reason: string } | undefined;
}

export const tailnetDial = targetCheck<Dialed>({
  id: "tailnet.dial",
  group: "tailnet",
  title: "the server's port answers on the tailnet",
  needs: ["tailscale.state", "proxy.connect"],
  timeoutMs: 10_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/cmd/tailscaled/proxy.go",
  explain: {
    proves: "A TCP connection to the server's tailnet address is accepted.",
    breaks:
      "A wrong name, a server that is off, Serve that is not on, or a tailnet policy that does not let this node in.",
    mend: "Check the name; on the server run: tailscale serve status; in the policy allow this node's tag to reach tcp:8443 there.",
  },
  async gather(context, signal) {
    const route = await tailnetRoute(context, new URL(context.target.server.tailnetUrls[0]));
    const { proxy } = await targetWay(context);
    const { host, port } = endOf(route.url);
    const dialed = { end: `${host}:${port}`, through: proxy && describeProxy(proxy) };
    try {
      (await route.open(signal)).destroy();
      return { ...dialed, failure: undefined };
    } catch (error) {
      if (!(error instanceof TsmcpError)) throw error;
      const reason = plainText(String(error.facts.reason ?? error.message));
      return { ...dialed, failure: { layer: String(error.facts.layer), reason } };
    }
  },
  judge: judgeDial,
});

export function judgeDial({ end, through, failure }: Dialed): Outcome {
  const facts = { end, through: through ?? null, ...failure };
  if (failure === undefined)
    return { status: "pass", message: through === undefined ? end : `${end} through ${through}`, facts };
  return {
    status: "fail",
    message:
      failure.layer === "name"
        ? `the name ${end} leads nowhere: ${failure.reason}`
        : `${end} does not answer: ${failure.reason}`,
    facts,
    reproduce: `curl -sS -m 10 ${through === undefined ? "" : `-x ${shellQuote(through)} `}https://${end}/`,
    hint:
      failure.layer === "name"
        ? "check the name, and that this machine is on the tailnet that has it"
        : "check that the server is up, that Serve is on there, and that the tailnet policy lets this node in",
  };
}

export const tailnetInitialize = targetCheck<TailnetView>({
  id: "tailnet.initialize",
  group: "tailnet",
  title: "an MCP server answers on the tailnet",
  needs: ["tailnet.dial"],
  timeoutMs: 30_000,
  source: mcpTransports,
  explain: {
    proves: "An MCP session can be opened on the tailnet side, in the legacy or the modern era, over verified TLS.",
    breaks:
      "A wrong path, a backend that is down behind Serve (502), a certificate that does not verify, a server that wants credentials.",
    mend: "Check the path (a URL without one means /mcp, then /), and the backend that Serve leads to; pass credentials with --header.",
  },
  gather: tailnetView,
  judge: ({ route, sighting }) =>
    judgeOpening(sighting, { url: route.url.href, reproduce: reproduction({ route, sighting }) }),
});

export function judgeOpening(sighting: Sighting, shown: { readonly url: string; readonly reproduce: string }): Outcome {
  const { url, reproduce } = shown;
  const facts = {
    url,
    status: sighting.status ?? null,
    era: sighting.opened ? sighting.opening : null,
    server: sighting.serverName ?? null,
    session: sighting.session,
  };
  if (sighting.opened) {
    return {
      status: "pass",
      message: `${sighting.serverName ?? "a server"} at ${url}, ${sighting.opening} era`,
      facts,
    };
  }
  if (sighting.kind === "held") return { status: "unknown", message: sighting.reason, facts };
  const words: Readonly<Record<string, readonly [message: string, hint: string]>> = {
    refused: [
      `${url} refuses the request (${sighting.reason})`,
      `pass the credentials it wants with --header 'Authorization: Bearer \${env:NAME}'`,
    ],
    foreign: [`${url} is no MCP server (${sighting.reason})`, "check the path: a URL without one means /mcp, then /"],
    broken: [`${url} fails (${sighting.reason})`, "check the server behind Serve and its log"],
    unreachable: [`${url} cannot be reached: ${sighting.reason}`, "check the certificate and the server"],
  };
  const [message, hint] = words[sighting.kind] ?? [
    `${url} opens no session (${sighting.reason})`,
    "check the server's log",
  ];
  return { status: "fail", message, facts, reproduce, hint };
}

export const tailnetTools = targetCheck<{
  view: TailnetView;
  expectedTools: readonly string[];
  minTools: number | undefined;
}>({
  id: "tailnet.tools",
  group: "tailnet",
  title: "the tailnet sees the tools",
  needs: ["tailnet.initialize"],
  timeoutMs: 30_000,
  mandatory: true,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/server/tools",
  explain: {
    proves: "tools/list on the tailnet side answers with tools, with all that are expected, and with as many.",
    breaks:
      "A gate that does not recognise this node (a tagged node has no user), a grant that is missing, an upstream that is down.",
    mend: "Compare with the list as the server's owner sees it; grant this node's tag the capability that the server asks for.",
  },
  gather: async (context) => ({
    view: await tailnetView(context),
    expectedTools: context.target.expectedTools,
    minTools: context.target.minTools,
  }),
  judge: ({ view, expectedTools, minTools }) =>
    judgeTools(view.sighting, { expectedTools, minTools, reproduce: reproduction(view) }),
});

export function judgeTools(
  sighting: Sighting,
  expected: {
    readonly expectedTools: readonly string[];
    readonly minTools: number | undefined;
    readonly reproduce: string;
  },
): Outcome {
  const { tools, kind, reason } = sighting;
  const { expectedTools, minTools = 1, reproduce } = expected;
  const missing = expectedTools.filter((pattern) => !tools.some((tool) => fitsPattern(pattern, tool)));
  const surplus =
    expectedTools.length === 0
      ? []
      : tools.filter((tool) => !expectedTools.some((pattern) => fitsPattern(pattern, tool)));
  const facts = { tools: tools.length, names: [...tools], missing, surplus };
  const seen = `${tools.length} ${tools.length === 1 ? "tool" : "tools"}`;
  if (kind === "held") return { status: "unknown", message: reason, facts };
  if (kind !== "listed") {
    return {
      status: "fail",
      message: `the server gives no tool list (${reason})`,
      facts,
      reproduce,
      hint: "check the server's log",
    };
  }
  if (missing.length > 0) {
    const message = `${seen}, but none that fits ${missing.map((pattern) => JSON.stringify(pattern)).join(", ")}`;
    return {
      status: "fail",
      message,
      facts,
      reproduce,
      hint: "check what the server offers to this node, and the grants it goes by",
    };
  }
  if (tools.length < minTools) {
    const message = `${seen} where at least ${minTools} ${minTools === 1 ? "was" : "were"} expected`;
    return {
      status: "fail",
      message,
      facts,
      reproduce,
      hint: "check what the server offers to this node, and the grants it goes by",
    };
  }
  return { status: "pass", message: seen, facts, reproduce };
}

function reproduction({ route, sighting }: TailnetView): string {
  return curlLine({ route, disguise: plainly, opening: sighting.opening, session: sighting.session });
}
