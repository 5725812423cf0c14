import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { isLoopbackAddress } from "../../net/address.ts";
import { dial } from "../../net/dial.ts";
import { listenerUids, ownerOfPort, type PortOwner } from "../../net/listening.ts";
import { describeProxy } from "../../net/proxy.ts";
import { machineCheck, type Outcome } from "../check.ts";
import { machineWay, type TailnetWay } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";

interface Listening {
  readonly way: TailnetWay;
  /** Undefined: something listens. */
  readonly refusal: string | undefined;
  readonly owner: PortOwner | undefined;
  /** Users, other than this one and root, whose process has the port. */
  readonly strangers?: readonly number[];
}

const listenTimeoutMs = 3_000;

export const noProxyMessage = "no proxy is set: the tailnet is dialed straight";

export const proxyListening = machineCheck<Listening>({
  id: "proxy.listening",
  group: "proxy",
  title: "the proxy accepts connections, and is nobody else's",
  needs: ["tailscale.state"],
  timeoutMs: 5_000,
  source: "https://tailscale.com/kb/1112/userspace-networking",
  explain: {
    proves:
      "Something listens at the address of the proxy that leads to the tailnet, and it is this user's or root's: whoever has the port sees what goes through it.",
    breaks:
      "tailscaled was started without --outbound-http-proxy-listen or --socks5-server, or listens elsewhere; another user's program took the port; an export in a profile outlived its daemon.",
    mend: 'Run "tsmcp up", or correct TSMCP_PROXY.',
  },
  async gather(context, signal) {
    const way = await machineWay(context);
    if (way.proxy === undefined) return { way, refusal: undefined, owner: undefined };
    const { host, port } = way.proxy;
    const isOwn = isLoopbackAddress(host) || host === "localhost";
    const owner = isOwn ? ownerOfPort(port) : undefined;
    const uids = isOwn ? listenerUids({ host: host === "localhost" ? "127.0.0.1" : host, port }) : [];
    return {
      way,
      owner,
      strangers: uids.filter((uid) => uid !== 0 && uid !== process.getuid?.()),
      refusal: await refusalOf(() => dial({ host, port }, undefined, { timeoutMs: listenTimeoutMs, signal })),
    };
  },
  judge: judgeListening,
});

export function judgeListening({ way, refusal, owner, strangers = [] }: Listening): Outcome {
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
  const [stranger] = strangers;
  if (stranger !== undefined) {
    return {
      status: "fail",
      message: `${name} belongs to user ${stranger}, who can see and change what goes through it`,
      facts: { ...facts, uid: stranger },
      reproduce: `ss -ltnpe 'sport = :${way.proxy.port}'`,
      hint: `give up that port: tsmcp up --proxy 127.0.0.1:0`,
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
