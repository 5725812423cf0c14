import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { authorityOf, type DialTarget } from "../../net/authority.ts";
import { dial } from "../../net/dial.ts";
import { describeProxy, type ProxyEndpoint } from "../../net/proxy.ts";
import { tryAsSocksClient } from "../../net/socks-client.ts";
import { TunnelRefused } from "../../net/tunnel-refused.ts";
import { selfAddress } from "../../tailscale/self-dial.ts";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { daemonAnswer } from "../facts/node-status.ts";
import { dialTimeoutMs, machineWay, type TailnetWay, targetWay } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";
import { noProxyMessage } from "./proxy-listening.ts";

/** What a dial through the proxy came to. */
interface Connected {
  readonly way: TailnetWay;
  /** Undefined: there was nothing to dial. */
  readonly target: string | undefined;
  readonly failure: ConnectFailure | undefined;
  /** Whether it was the node itself that was dialed, which always answers. */
  readonly isSelf?: boolean;
}

interface ConnectFailure {
  readonly layer: string;
  readonly reason: string;
  /** Refused in words that only tailscaled has. */
  readonly byTailscale: boolean;
}

/** A dial to the node itself leaves neither the process nor the machine. */
const selfTimeoutMs = 2_500;

const source = "https://github.com/tailscale/tailscale/blob/v1.102.5/cmd/tailscaled/proxy.go";

export const proxyConnect = machineCheck<Connected>({
  id: "proxy.connect",
  group: "proxy",
  title: "the proxy leads into the tailnet",
  needs: ["tailscale.state", "proxy.listening"],
  timeoutMs: 10_000,
  source,
  explain: {
    proves:
      "A connection through the proxy reaches an address inside the tailnet. An open port alone proves nothing: tailscaled listens before it is logged in.",
    breaks:
      "Another program has the port (a web server answers too, and opens no tunnel), or a tailscaled that is not logged in.",
    mend: "Look at tailscale.state; where another program holds the port give up another one: tsmcp up --proxy 127.0.0.1:0.",
  },
  async gather(context, signal) {
    const attemptFor =
      (timeoutMs: number) =>
      async (target: DialTarget, proxy: ProxyEndpoint): Promise<void> => {
        (await dial(target, proxy, { timeoutMs, signal })).destroy();
      };
    const self = await selfEnd(context);
    if (self === undefined) return connect(context, await serverEnd(context), attemptFor(dialTimeoutMs));
    // The node itself answers at once, through a proxy that is its own.
    const viaSelf = await connect(context, self, attemptFor(selfTimeoutMs));
    if (viaSelf.failure === undefined || viaSelf.failure.layer === "proxy") return { ...viaSelf, isSelf: true };
    // It may be another node's proxy, whom the policy keeps from this one: then the server tells.
    const viaServer = await connect(context, await serverEnd(context), attemptFor(dialTimeoutMs - selfTimeoutMs));
    const isReached = viaServer.target !== undefined && (viaServer.failure?.byTailscale ?? true);
    return isReached ? viaServer : { ...viaSelf, isSelf: true };
  },
  judge: judgeConnect,
});

export const proxySocks = machineCheck<Connected>({
  id: "proxy.socks5",
  group: "proxy",
  title: "programs that read ALL_PROXY get through",
  needs: ["proxy.connect"],
  timeoutMs: 10_000,
  source,
  explain: {
    proves:
      "The same port speaks SOCKS5 with names resolved at the proxy, as ALL_PROXY=socks5h:// tells other programs to do.",
    breaks:
      "tailscaled was started with --outbound-http-proxy-listen alone, or with another address for --socks5-server.",
    mend: "Start tailscaled with the same address for both, as tsmcp up does.",
  },
  async gather(context, signal) {
    // Rather the node itself: SOCKS5 has one reply for everything that goes wrong, a dead server included.
    const self = await selfEnd(context);
    const connected = await connect(context, self ?? (await serverEnd(context)), (target, proxy) =>
      tryAsSocksClient(target, proxy, { timeoutMs: dialTimeoutMs, signal }),
    );
    return { ...connected, isSelf: self !== undefined };
  },
  judge: judgeSocks,
});

export function judgeConnect({ way, target, failure, isSelf = false }: Connected): Outcome {
  if (way.proxy === undefined) return { status: "skip", message: noProxyMessage };
  const name = describeProxy(way.proxy);
  if (target === undefined) return nothingToDial(name);
  const facts = { proxy: name, target, ...failure };
  if (failure === undefined) return { status: "pass", message: `${name} reaches ${target}`, facts };
  if (failure.byTailscale) {
    // The proxy works and says what is wrong further on: that is for the server's own checks to judge.
    return { status: "pass", message: `${name} answers for the tailnet`, facts };
  }
  if (isSilence(failure) && !isSelf) {
    return {
      status: "unknown",
      message: `${name} takes the request for ${target} and says nothing: the server may be off, or the proxy no tailnet's`,
      facts,
      hint: "name tailscaled's socket with --socket, so that the proxy can be tried on the node itself",
    };
  }
  return {
    status: "fail",
    message: `${name} leads nowhere: ${failure.reason}`,
    facts,
    reproduce: `curl -sS -m 10 -x ${shellQuote(name)} https://${target}/`,
    hint: 'run "tsmcp up", and check that the port is tailscaled\'s own',
  };
}

export function judgeSocks({ way, target, failure, isSelf = false }: Connected): Outcome {
  if (way.proxy === undefined) return { status: "skip", message: noProxyMessage };
  const name = describeProxy({ ...way.proxy, protocol: "socks5h" });
  if (target === undefined) return nothingToDial(name);
  const facts = { proxy: name, target, ...failure };
  if (failure === undefined) return { status: "pass", message: `${name} leads into the tailnet`, facts };
  return {
    status: isSelf ? "warn" : "unknown",
    message: `${name} does not lead to ${target}: ${failure.reason}`,
    facts,
    reproduce: `curl -sS -m 10 -x ${shellQuote(name)} http://${target}/`,
    hint: "give tailscaled one address for --socks5-server and --outbound-http-proxy-listen; the bridge needs only the latter",
  };
}

/** A peer that is off, or a policy that drops: tailscaled waits for them as long as we do. */
function isSilence({ layer, reason }: ConnectFailure): boolean {
  return layer === "connect" && reason.startsWith("no answer within");
}

function nothingToDial(name: string): Outcome {
  return {
    status: "unknown",
    message: `${name} could not be tried: neither a server nor this node's own address is known`,
    hint: "name a server, or the socket of tailscaled with --socket",
  };
}

async function connect(
  context: MachineContext,
  end: DialTarget | undefined,
  attempt: (target: DialTarget, proxy: ProxyEndpoint) => Promise<void>,
): Promise<Connected> {
  const way = await machineWay(context);
  const { proxy } = way;
  if (proxy === undefined || end === undefined) return { way, target: undefined, failure: undefined };
  const target = authorityOf(end);
  try {
    await attempt(end, proxy);
    return { way, target, failure: undefined };
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    const reason = plainText(String(error.facts.reason ?? error.message));
    const byTailscale = error.cause instanceof TunnelRefused && error.cause.byTailscale;
    return { way, target, failure: { layer: String(error.facts.layer), reason, byTailscale } };
  }
}

/** The first server that is reached through the proxy. */
async function serverEnd(context: MachineContext): Promise<DialTarget | undefined> {
  const ways = await Promise.all(context.targets.map(targetWay));
  const target = context.targets.find((_, index) => ways[index]?.proxy !== undefined);
  return target === undefined ? undefined : endOf(new URL(target.target.server.tailnetUrls[0]));
}

/** Never 100.100.100.100: a userspace tailscaled dials that by the system, out of the machine. */
async function selfEnd(context: MachineContext): Promise<DialTarget | undefined> {
  const answer = await daemonAnswer(context);
  return answer.kind === "answered" ? selfAddress(answer.status) : undefined;
}
