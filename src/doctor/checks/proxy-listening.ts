import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { isLoopbackAddress } from "../../net/address.ts";
import { dial } from "../../net/dial.ts";
import { ownerOfPort, type PortOwner } from "../../net/listening.ts";
import { describeProxy } from "../../net/proxy.ts";
import { machineCheck, type Outcome } from "../check.ts";
import { machineWay, type TailnetWay } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";

interface Listening {
  readonly way: TailnetWay;
  /** Undefined: something listens. */
  readonly refusal: string | undefined;
  readonly owner: PortOwner | undefined;
}

const listenTimeoutMs = 3_000;

export const noProxyMessage = "no proxy is set: the tailnet is dialed straight";

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
    const way = await machineWay(context);
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
  if (way.proxy === undefined) return { status: "skip", message: noProxyMessage };
  const name = describeProxy(way.proxy);
  const facts = { proxy: name, from: way.origin, ...(owner === undefined ? {} : { owner: { ...owner } }) };
  if (refusal !== undefined) {
    return {
      status: "fail",
      message: `nothing listens at ${name} (${refusal})`,
      facts,
      reproduce: `curl -sS -m 5 -x ${shellQuote(name)} https://node.tailnet.ts.net/`,
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

async function refusalOf(connect: () => ReturnType<typeof dial>): Promise<string | undefined> {
  try {
    (await connect()).destroy();
    return undefined;
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    return plainText(String(error.facts.reason ?? error.message));
  }
}
