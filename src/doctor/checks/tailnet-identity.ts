import type { NodeSelf } from "../../tailscale/status.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { daemonAnswer } from "../facts/node-status.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import type { Sighting } from "../probe/look.ts";
import { callerName } from "./tailnet-grants.ts";

interface IdentityFinding {
  readonly self: NodeSelf | undefined;
  readonly sighting: Sighting;
}

export const tailnetIdentity = targetCheck<IdentityFinding>({
  id: "tailnet.identity",
  group: "tailnet",
  title: "the server takes this node for somebody it knows",
  needs: ["tailnet.initialize"],
  timeoutMs: 30_000,
  source: "https://tailscale.com/kb/1312/serve#identity-headers",
  explain: {
    proves:
      "The server that opened a session also lists its tools to this node, as whom the tailnet knows: its tags, or its owner. Serve tells a server the login of an untagged node alone; a tagged one is known by app capabilities or by whois.",
    breaks: "A gate that wants a login from a tagged agent, or one that knows no grant for this node.",
    mend: "Let the server ask whois or app capabilities (tailscale serve --accept-app-caps), and grant them to this node's tag.",
  },
  async gather(context) {
    const [daemon, { sighting }] = await Promise.all([daemonAnswer(context.machine), tailnetView(context)]);
    return { sighting, self: daemon.kind === "answered" ? daemon.status.self : undefined };
  },
  judge: judgeIdentity,
});

export function judgeIdentity({ self, sighting }: IdentityFinding): Outcome {
  const as = callerName(self);
  const isTagged = (self?.tags.length ?? 0) > 0;
  const facts = {
    as,
    tags: [...(self?.tags ?? [])],
    login: isTagged ? null : (self?.login ?? null),
    status: sighting.status ?? null,
  };
  if (sighting.kind === "refused") {
    return {
      status: "fail",
      message: `the server opens, and refuses ${as} its tools (${sighting.reason})`,
      facts,
      hint: `let the server know ${as}: grant it the capability that the server asks for`,
    };
  }
  if (sighting.kind === "listed" && sighting.tools.length === 0 && isTagged) {
    return {
      status: "warn",
      message: `the server shows ${as} nothing; Serve tells it no login of a tagged node`,
      facts,
      hint: "let the server recognise app capabilities (tailscale serve --accept-app-caps) or ask whois",
    };
  }
  if (self === undefined) return { status: "skip", message: "whom the server sees is not known here", facts };
  return { status: "pass", message: `the server is asked by ${as}`, facts };
}
