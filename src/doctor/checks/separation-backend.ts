import { shellQuote } from "../../core/shell-quote.ts";
import { isOnLoopback, parseServeTarget } from "../../tailscale/serve-target.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { listenersOf, type OwnHost, ownHost, sharedExposures } from "../facts/own-host.ts";

export const separationBackend = targetCheck<OwnHost>({
  id: "separation.backend",
  group: "separation",
  title: "Serve and Funnel hand on to servers of their own",
  needs: [],
  timeoutMs: 10_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/ipn/ipnlocal/serve.go",
  explain: {
    proves:
      "On the server's own host: what Funnel shows to the internet and what Serve shows to the tailnet are two listeners, so no header and no path decides who may see the tools.",
    breaks:
      "Behind one listener only headers tell the internet from the tailnet; tailscaled shares its connections to it between both sides, and a path of its own is left by /../.",
    mend: "Give each exposure a listener of its own: two ports, or two unix sockets.",
  },
  gather: ownHost,
  judge: judgeBackend,
});

export function judgeBackend(found: OwnHost): Outcome {
  if (found.kind === "elsewhere") return { status: "skip", message: found.reason };
  const outside = found.exposures.filter(({ isFunnel }) => isFunnel);
  const facts = { tailnet: [...listenersOf(found.inside)], public: [...listenersOf(outside)] };
  const shared = sharedExposures(found);
  if (shared.length > 0) {
    const [listener] = listenersOf(shared);
    const ports = [...new Set(shared.map(({ port }) => port))].join(" and ");
    return {
      status: "warn",
      message: `Serve at ${found.tailnetPort} and Funnel at ${ports} hand on to the same server (${listener})`,
      facts: { ...facts, shared: [...listenersOf(shared)], why: separationBackend.explain.breaks },
      reproduce: "tailscale serve status --json",
      hint: "give each exposure a listener of its own (two ports or two sockets)",
    };
  }
  if (outside.length === 0) return { status: "pass", message: "this node shows nothing to the internet", facts };
  return { status: "pass", message: "the internet and the tailnet get to two servers", facts };
}

export const separationLoopback = targetCheck<OwnHost>({
  id: "separation.loopback",
  group: "separation",
  title: "nobody on the tailnet gets to the server past Serve",
  needs: [],
  timeoutMs: 10_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/wgengine/netstack/netstack.go",
  explain: {
    proves:
      "On the server's own host: the server behind Serve listens on a unix socket, wants a secret path, or stands on a node whose tailscaled does not hand its ports on to loopback.",
    breaks:
      "A tailscaled without a network device forwards every tailnet port that is not served to the same port of 127.0.0.1, so a peer whom the policy lets in gets to the bare server, with forged identity headers.",
    mend: "Let the server listen on a unix socket, or give the Serve target a long random path that the server wants to see (http://127.0.0.1:PORT/RANDOM).",
  },
  gather: ownHost,
  judge: judgeLoopback,
});

export function judgeLoopback(found: OwnHost): Outcome {
  if (found.kind === "elsewhere") return { status: "skip", message: found.reason };
  if (found.usesTun) return { status: "pass", message: "tailscaled has a network device, which keeps loopback apart" };
  const served = new Set(found.exposures.map(({ port }) => port));
  const [bare] = found.inside.flatMap(({ target: text }) => {
    const target = text === undefined ? undefined : parseServeTarget(text);
    if (target === undefined || target.kind === "socket" || !isOnLoopback(target)) return [];
    // A port that is served itself is Serve's on the tailnet's address.
    return served.has(target.port) || isSecret(target.path) ? [] : [target];
  });
  if (bare === undefined) return { status: "pass", message: "the server is not on a port that peers get to" };
  return {
    status: "warn",
    message: `a peer may get to the server past Serve, at port ${bare.port} of ${found.host}`,
    facts: { port: bare.port, why: separationLoopback.explain.breaks },
    // From another node: what answers there was not asked by Serve.
    reproduce: `curl --proxy "$TSMCP_PROXY" ${shellQuote(`http://${found.host}:${bare.port}${bare.path}`)}`,
    hint: "let the server listen on a unix socket, or want a long random path in the Serve target",
  };
}

/** 16 characters of base64url are 96 bits; words of a path are shorter. */
function isSecret(path: string): boolean {
  return path.split("/").some((segment) => /^[\w~.-]{16,}$/.test(segment));
}
