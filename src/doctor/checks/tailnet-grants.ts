import { TsmcpError } from "../../core/errors.ts";
import { pingPeer } from "../../tailscale/local-api.ts";
import type { NodeSelf } from "../../tailscale/status.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { daemonAnswer } from "../facts/node-status.ts";
import { type TailnetDial, tailnetDialed } from "../facts/tailnet-dial.ts";
import { tailnetNodes } from "../facts/tailnet-peers.ts";
import { endOf } from "../target.ts";
import { dialLine } from "./tailnet-dial.ts";

export interface GrantsFinding {
  readonly dialed: TailnetDial;
  /** Whether the server's node answers below the policy; undefined: not asked, or nobody here to ask. */
  readonly answersPing: boolean | undefined;
  /** Whom the policy sees: tags, or the owner. */
  readonly asWhom: string;
}

const pingTimeoutMs = 3_000;

export const tailnetGrants = targetCheck<GrantsFinding>({
  id: "tailnet.grants",
  group: "tailnet",
  title: "the tailnet policy lets this node in",
  needs: ["tailnet.name"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1324/grants",
  explain: {
    proves:
      "Packets of this node reach the server's port. Where they do not, a ping below the policy tells a server that is off from one that does not let this node in.",
    breaks: "No grant for this node's tag or owner to the server's port, or a server with shields up.",
    mend: "Grant this node's tag the port in the tailnet policy (for example tcp:8443), and on the server run: tailscale set --shields-up=false.",
  },
  gather: async (context, signal) => {
    const dialed = await tailnetDialed(context);
    const asWhom = await nameOfCaller(context);
    return { dialed, asWhom, answersPing: isSilence(dialed) ? await pingServer(context, signal) : undefined };
  },
  judge: judgeGrants,
});

export function judgeGrants({ dialed, answersPing, asWhom }: GrantsFinding): Outcome {
  const { end, failure } = dialed;
  const facts = { end, as: asWhom, answersPing: answersPing ?? null };
  if (failure === undefined) return { status: "pass", message: `${asWhom} gets to ${end}`, facts };
  if (answersPing !== true) {
    // A refusal comes from the server itself, so that the packets did get there.
    const message = isSilence(dialed) ? "the server's node does not answer at all" : failure.reason;
    return { status: "skip", message: `nothing to see of the policy: ${message}`, facts };
  }
  const port = end.slice(end.lastIndexOf(":") + 1);
  return {
    status: "fail",
    message: `the server's node is up, and does not let ${asWhom} in at ${end}`,
    facts: { ...facts, ...failure },
    reproduce: dialLine(dialed),
    hint: `grant ${asWhom} tcp:${port} on the server in the tailnet policy, and check that the server has no shields up`,
  };
}

/** What a policy drops is never answered. */
function isSilence({ failure }: TailnetDial): boolean {
  return failure?.layer === "connect" && /no answer|timed? ?out|deadline/i.test(failure.reason);
}

async function pingServer(context: TargetContext, signal: AbortSignal): Promise<boolean | undefined> {
  const daemon = await daemonAnswer(context.machine);
  if (daemon.kind === "silent") return undefined;
  const { host } = endOf(new URL(context.target.server.tailnetUrls[0]));
  const node = (await tailnetNodes(context.machine)).find(({ name, ips }) => name === host || ips.includes(host));
  const [address] = node?.ips ?? [];
  if (address === undefined) return undefined;
  try {
    return await pingPeer({ socket: daemon.socket, timeoutMs: pingTimeoutMs, signal }, address);
  } catch (error) {
    if (!(error instanceof TsmcpError) || signal.aborted) throw error;
    return false;
  }
}

async function nameOfCaller({ machine }: TargetContext): Promise<string> {
  const daemon = await daemonAnswer(machine);
  return daemon.kind === "answered" ? callerName(daemon.status.self) : "this machine";
}

/** Returns how a policy names the node: its tags, else its owner. */
export function callerName(self: NodeSelf | undefined): string {
  if (self === undefined) return "this machine";
  return self.tags.length > 0 ? self.tags.join(", ") : (self.login ?? self.dnsName);
}
