import { fitsPattern } from "../../core/tool-pattern.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { type TailnetView, tailnetView } from "../facts/tailnet-view.ts";
import { curlLine } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import type { Sighting } from "../probe/look.ts";

const mcpTransports = "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports";

export const tailnetInitialize = targetCheck<TailnetView>({
  id: "tailnet.initialize",
  group: "tailnet",
  title: "an MCP server answers on the tailnet",
  needs: ["tailnet.tls"],
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

export const tailnetSurplus = targetCheck<{ view: TailnetView; expectedTools: readonly string[] }>({
  id: "tailnet.surplus",
  group: "tailnet",
  title: "the tailnet sees no tool that nobody expects",
  needs: ["tailnet.initialize"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/server/tools",
  explain: {
    proves:
      "Every tool fits one of the expected names (expect.tools, --expect-tools). Not asked where nothing is expected.",
    breaks: "A tool that was added, or a grant that is wider than meant.",
    mend: "Add the tool to expect.tools where it is wanted; else take it, or the grant, away.",
  },
  gather: async (context) => ({ view: await tailnetView(context), expectedTools: context.target.expectedTools }),
  judge: ({ view, expectedTools }) => judgeSurplus(view.sighting.tools, expectedTools),
});

export function judgeSurplus(tools: readonly string[], expectedTools: readonly string[]): Outcome {
  if (expectedTools.length === 0) return { status: "skip", message: "no tools were named to expect" };
  const surplus = tools.filter((tool) => !expectedTools.some((pattern) => fitsPattern(pattern, tool)));
  if (surplus.length === 0) return { status: "pass", message: "every tool is expected", facts: { surplus } };
  return {
    status: "warn",
    message: `${surplus.length} ${surplus.length === 1 ? "tool" : "tools"} that nobody expects: ${surplus.join(", ")}`,
    facts: { surplus },
    hint: "add them to expect.tools where they are wanted",
  };
}

function reproduction({ route, sighting }: Pick<TailnetView, "route" | "sighting">): string {
  return curlLine({ route, disguise: plainly, opening: sighting.opening, session: sighting.session });
}
