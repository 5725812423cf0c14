import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { dial } from "../../net/dial.ts";
import { describeProxy } from "../../net/proxy.ts";
import { selfAddress } from "../../tailscale/self-dial.ts";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { daemonAnswer } from "../facts/node-status.ts";
import { machineWay } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";
import { noProxyMessage } from "./proxy-listening.ts";

/** What this node's own end, dialed through the proxy, came to. */
type SelfDial =
  | { readonly kind: "none"; readonly reason: string }
  | { readonly kind: "dialed"; readonly proxy: string; readonly target: string; readonly durationMs: number }
  | {
      readonly kind: "failed";
      readonly proxy: string;
      readonly target: string;
      readonly layer: string;
      readonly reason: string;
    };

const dialTimeoutMs = 5_000;
const source = "https://github.com/tailscale/tailscale/blob/v1.102.5/cmd/tailscaled/proxy.go";

interface NamesFinding {
  readonly byAddress: SelfDial;
  readonly byName: SelfDial;
}

export const proxyMagicDns = machineCheck<NamesFinding>({
  id: "proxy.magicdns",
  group: "proxy",
  title: "names of the tailnet are resolved at the proxy",
  needs: ["proxy.connect"],
  timeoutMs: 12_000,
  source,
  explain: {
    proves:
      "The proxy takes a name of the tailnet (this node's own) where it takes its address. A machine without a TUN cannot resolve such names itself.",
    breaks: "Another proxy before tailscaled's that resolves names by itself, or a tailnet without MagicDNS.",
    mend: "Let programs talk to tailscaled's own port, and switch MagicDNS on in the admin console.",
  },
  async gather(context, signal) {
    const [byAddress, byName] = await Promise.all([
      dialSelf(context, { byName: false, signal }),
      dialSelf(context, { byName: true, signal }),
    ]);
    return { byAddress, byName };
  },
  judge: judgeMagicDns,
});

export function judgeMagicDns({ byAddress, byName }: NamesFinding): Outcome {
  if (byName.kind === "none") return { status: "skip", message: byName.reason };
  const { proxy, target } = byName;
  if (byName.kind === "dialed")
    return { status: "pass", message: `${proxy} knows ${target}`, facts: { proxy, target } };
  const facts = { proxy, target, layer: byName.layer, reason: byName.reason };
  if (byAddress.kind !== "dialed") return { status: "skip", message: `${proxy} does not lead to this node`, facts };
  return {
    status: "fail",
    message: `${proxy} leads to ${byAddress.target}, and not to the same end by its name ${target}: ${byName.reason}`,
    facts,
    reproduce: `curl -sS -m 10 -x ${shellQuote(proxy)} ${shellQuote(`http://${target}/`)}`,
    hint: "let programs talk to tailscaled's own port, and switch MagicDNS on in the admin console",
  };
}

/** A dial to the node itself stays within the process; over a relay to the next continent takes 300 ms. */
const slowMs = 1_000;

export const proxyLatency = machineCheck<SelfDial>({
  id: "proxy.latency",
  group: "proxy",
  title: "the proxy opens connections quickly",
  needs: ["proxy.connect"],
  timeoutMs: 10_000,
  source,
  explain: {
    proves:
      "A connection through the proxy to this node itself is open within a second; it takes a millisecond or two.",
    breaks:
      "A proxy that is not on this machine, another proxy before it, or a machine that has no processor to spare.",
    mend: "Let tailscaled's proxy listen on this machine, and look at what else runs here.",
  },
  gather: (context, signal) => dialSelf(context, { byName: false, signal }),
  judge: judgeLatency,
});

export function judgeLatency(found: SelfDial): Outcome {
  if (found.kind === "none") return { status: "skip", message: found.reason };
  const { proxy, target } = found;
  if (found.kind === "failed") return { status: "unknown", message: found.reason, facts: { proxy, target } };
  const { durationMs } = found;
  const facts = { proxy, target, durationMs };
  if (durationMs < slowMs) return { status: "pass", message: `${proxy} takes ${durationMs} ms`, facts };
  return {
    status: "warn",
    message: `${proxy} takes ${durationMs} ms to reach this node itself`,
    facts,
    hint: "let tailscaled's proxy listen on this machine, and look at what else runs here",
  };
}

async function dialSelf(
  context: MachineContext,
  { byName, signal }: { readonly byName: boolean; readonly signal: AbortSignal },
): Promise<SelfDial> {
  const [{ proxy }, daemon] = await Promise.all([machineWay(context), daemonAnswer(context)]);
  if (proxy === undefined) return { kind: "none", reason: noProxyMessage };
  const address = daemon.kind === "answered" ? selfAddress(daemon.status) : undefined;
  const name = daemon.kind === "answered" ? daemon.status.self?.dnsName : undefined;
  if (address === undefined || name === undefined || name === "") {
    return { kind: "none", reason: "this node's own name and address are not known here" };
  }
  const end = byName ? { host: name, port: address.port } : address;
  const told = { proxy: describeProxy(proxy), target: `${end.host}:${end.port}` };
  const startedAt = performance.now();
  try {
    (await dial(end, proxy, { timeoutMs: dialTimeoutMs, signal })).destroy();
    return { kind: "dialed", ...told, durationMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    if (!(error instanceof TsmcpError) || signal.aborted) throw error;
    const reason = plainText(String(error.facts.reason ?? error.message));
    return { kind: "failed", ...told, layer: String(error.facts.layer), reason };
  }
}
