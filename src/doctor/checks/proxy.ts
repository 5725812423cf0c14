import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { isLoopbackAddress } from "../../net/address.ts";
import { dial } from "../../net/dial.ts";
import { ownerOfPort, type PortOwner } from "../../net/listening.ts";
import { describeProxy, type ProxyEndpoint } from "../../net/proxy.ts";
import { tryAsSocksClient } from "../../net/socks-client.ts";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { dialTimeoutMs, type TailnetWay, tailnetWay, targetWay } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";

interface Listening {
  readonly way: TailnetWay;
  /** Undefined: something listens. */
  readonly refusal: string | undefined;
  readonly owner: PortOwner | undefined;
}

const listenTimeoutMs = 3_000;

export const proxyListening = machineCheck<Listening>({
  id: "proxy.listening",
  group: "proxy",
  title: "the proxy accepts connections",
  needs: ["tailscale.state"],
  timeoutMs: 5_000,
  source: "https://tailscale.com/kb/1112/userspace-networking",
  explain: {
    proves: "Something listens at the address of the proxy that leads to the tailnet.",
    breaks:
      "tailscaled was started without --outbound-http-proxy-listen or --socks5-server, or listens elsewhere; an export in a profile outlived its daemon.",
    mend: 'Run "tsmcp up", or correct TSMCP_PROXY.',
  },
  async gather(context, signal) {
    const way = await wayOf(context);
    if (way.proxy === undefined) return { way, refusal: undefined, owner: undefined };
    const { host, port } = way.proxy;
    const isOwn = isLoopbackAddress(host) || host === "localhost";
    const owner = isOwn ? ownerOfPort(port) : undefined;
    return {
      way,
      owner,
      refusal: await refusalOf(() => dial({ host, port }, undefined, { timeoutMs: listenTimeoutMs, signal })),
    };
  },
  judge: judgeListening,
});

export function judgeListening({ way, refusal, owner }: Listening): Outcome {
  if (way.proxy === undefined) return { status: "skip", message: noProxy };
  const name = describeProxy(way.proxy);
  const facts = { proxy: name, from: way.origin, ...(owner === undefined ? {} : { owner: { ...owner } }) };
  if (refusal !== undefined) {
    return {
      status: "fail",
      message: `nothing listens at ${name} (${refusal})`,
      facts,
      reproduce: `curl -sS -m 5 -x ${shellQuote(name)} http://100.100.100.100/`,
      hint: listeningHint(way.origin),
    };
  }
  const by = owner !== undefined && "command" in owner ? ` (${plainText(owner.command)}, process ${owner.pid})` : "";
  return { status: "pass", message: `${name}${by}`, facts };
}

function listeningHint(origin: TailnetWay["origin"]): string {
  if (origin === "up") return 'run "tsmcp up" again';
  const where = origin === "environment" ? "HTTPS_PROXY or ALL_PROXY" : origin;
  return `run "tsmcp up", or correct ${where}`;
}

interface Connected {
  readonly way: TailnetWay;
  readonly target: string;
  readonly failure: { readonly layer: string; readonly reason: string } | undefined;
}

export const proxyConnect = machineCheck<Connected>({
  id: "proxy.connect",
  group: "proxy",
  title: "the proxy leads into the tailnet",
  needs: ["tailscale.state", "proxy.listening"],
  timeoutMs: 10_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/cmd/tailscaled/proxy.go",
  explain: {
    proves:
      "A connection through the proxy reaches an address inside the tailnet. An open port alone proves nothing: tailscaled listens before it is logged in.",
    breaks: "The node is not logged in, the proxy is not tailscaled's, or tailscaled cannot reach its peers.",
    mend: "Look at tailscale.state; where another program holds the port give up another one: tsmcp up --proxy 127.0.0.1:0.",
  },
  gather: (context, signal) =>
    connectWith(context, async (end, proxy) => {
      (await dial(end, proxy, { timeoutMs: dialTimeoutMs, signal })).destroy();
    }),
  judge: judgeConnect,
});

export const proxySocks = machineCheck<Connected>({
  id: "proxy.socks5",
  group: "proxy",
  title: "programs that read ALL_PROXY get through",
  needs: ["proxy.connect"],
  timeoutMs: 10_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/cmd/tailscaled/proxy.go",
  explain: {
    proves:
      "The same port speaks SOCKS5 with names resolved at the proxy, as ALL_PROXY=socks5h:// tells other programs to do.",
    breaks:
      "tailscaled was started with --outbound-http-proxy-listen alone, or with another address for --socks5-server.",
    mend: "Start tailscaled with the same address for both, as tsmcp up does.",
  },
  // Not the server's own address: SOCKS5 has one reply for everything that goes wrong, a dead server included.
  gather: (context, signal) =>
    connectWith(context, (_end, proxy) => tryAsSocksClient(quad100, proxy, { timeoutMs: dialTimeoutMs, signal })),
  judge: judgeSocks,
});

export function judgeSocks({ way, failure }: Omit<Connected, "target">): Outcome {
  if (way.proxy === undefined) return { status: "skip", message: noProxy };
  const name = describeProxy({ ...way.proxy, protocol: "socks5h" });
  const facts = { proxy: name, ...(failure === undefined ? {} : { reason: failure.reason }) };
  if (failure === undefined) return { status: "pass", message: `${name} leads into the tailnet`, facts };
  return {
    status: "warn",
    message: `${name} leads nowhere: ${failure.reason}`,
    facts,
    reproduce: `curl -sS -m 10 -x ${shellQuote(name)} http://${quad100.host}/`,
    hint: "give tailscaled one address for --socks5-server and --outbound-http-proxy-listen; the bridge needs only the latter",
  };
}

/** tailscaled answers here by itself, in every tailnet. Source: tailscale `net/tsaddr/tsaddr.go`, TailscaleServiceIP */
const quad100 = { host: "100.100.100.100", port: 80 };
const noProxy = "no proxy is set: the tailnet is dialed straight";

export function judgeConnect({ way, target, failure }: Connected): Outcome {
  if (way.proxy === undefined) return { status: "skip", message: noProxy };
  const name = describeProxy(way.proxy);
  const facts = {
    proxy: name,
    target,
    ...(failure === undefined ? {} : { layer: failure.layer, reason: failure.reason }),
  };
  if (failure === undefined) return { status: "pass", message: `${name} reaches ${target}`, facts };
  if (failure.layer !== "proxy") {
    // The proxy works and says what is wrong further on: that is for the server's own checks to judge.
    return { status: "pass", message: `${name} answers for the tailnet`, facts };
  }
  return {
    status: "fail",
    message: `${name} leads nowhere: ${failure.reason}`,
    facts,
    reproduce: `curl -sS -m 10 -x ${shellQuote(name)} https://${target}/`,
    hint: 'run "tsmcp up", and check that the port is tailscaled\'s own',
  };
}

/** The way to the first server that needs a proxy, else to servers in general. */
async function wayOf(context: MachineContext): Promise<TailnetWay> {
  const ways = await Promise.all(context.targets.map(targetWay));
  return ways.find(({ proxy }) => proxy !== undefined) ?? ways[0] ?? tailnetWay(context);
}

/** Tries the way to the first server that is reached through the proxy, else to tailscaled itself. */
async function connectWith(
  context: MachineContext,
  connect: (end: typeof quad100, proxy: ProxyEndpoint) => Promise<void>,
): Promise<Connected> {
  const way = await wayOf(context);
  const ways = await Promise.all(context.targets.map(targetWay));
  const target = context.targets.find((_, index) => ways[index]?.proxy !== undefined);
  const end = target === undefined ? quad100 : endOf(new URL(target.target.server.tailnetUrls[0]));
  const { proxy } = way;
  const failure = proxy === undefined ? undefined : await failureOf(() => connect(end, proxy));
  return { way, target: `${end.host}:${end.port}`, failure };
}

async function failureOf(connect: () => Promise<void>): Promise<Connected["failure"]> {
  try {
    await connect();
    return undefined;
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    return { layer: String(error.facts.layer), reason: plainText(String(error.facts.reason ?? error.message)) };
  }
}

async function refusalOf(connect: () => ReturnType<typeof dial>): Promise<string | undefined> {
  try {
    (await connect()).destroy();
    return undefined;
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    return plainText(String(error.facts.reason ?? error.message));
  }
}
