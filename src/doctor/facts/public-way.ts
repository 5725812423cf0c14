import { shellQuote } from "../../core/shell-quote.ts";
import { isPublicAddress, plainAddress } from "../../net/address.ts";
import { dial, type Socket } from "../../net/dial.ts";
import { type DnsResolver, type NameAnswer, parseResolver, resolveName } from "../../net/dns.ts";
import { applyConnectTo } from "../connect-to.ts";
import type { MachineContext, TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import type { Route } from "../probe/route.ts";
import { sharedLine } from "../probe/shared-line.ts";
import { endOf } from "../target.ts";

/** Where the internet finds the server. One address is chosen and kept for the whole run. */
export type PublicWay =
  | {
      readonly kind: "open";
      /** Typed in `--connect-to`, which may be any address; else resolved, and public. */
      readonly typed: boolean;
      readonly address: string;
      readonly port: number;
      readonly resolver: string | undefined;
    }
  /** A public resolver says that the name does not exist, or has no address. */
  | { readonly kind: "nameless"; readonly resolver: string }
  /** The name leads to addresses that the internet does not route. */
  | { readonly kind: "forbidden"; readonly addresses: readonly string[]; readonly resolver: string }
  | { readonly kind: "unknown"; readonly reason: string };

const lookupTimeoutMs = 3_000;
const dialTimeoutMs = 8_000;

/** Resolvers that answer everybody; the last works where only HTTPS goes out. */
const publicResolvers = ["1.1.1.1", "8.8.8.8", "https://1.1.1.1/dns-query"];

/** Addresses that accept connections on 443 from anywhere, and where nothing is asked for. */
const wellKnownAddresses = ["1.1.1.1", "8.8.8.8", "9.9.9.9"];

export const publicWay = observation(async ({ machine, target }: TargetContext): Promise<PublicWay> => {
  const first = target.server.publicUrls?.[0];
  if (first === undefined)
    return { kind: "unknown", reason: "the server has no public side: name one with --public-url" };
  const end = endOf(new URL(first));
  const typed = applyConnectTo(machine.request.connectTo, end);
  if (typed !== undefined && typed.address !== end.host) {
    return { kind: "open", typed: true, ...typed, resolver: undefined };
  }
  const port = typed?.port ?? end.port;
  if (isAddress(end.host)) return chooseAddress([end.host], { port, resolver: "the URL itself" });
  const { answer, resolver } = await askPublicResolvers(machine, end.host);
  if (answer.kind === "unanswered") return { kind: "unknown", reason: `no public resolver answers: ${answer.reason}` };
  if (answer.kind === "absent") return { kind: "nameless", resolver };
  return chooseAddress(answer.addresses, { port, resolver });
});

/**
 * Whether this machine reaches the public internet at all. Without that proof a refused connection says nothing: an
 * egress rule refuses in the same way.
 */
export const publicVantage = observation(async ({ signal }: MachineContext): Promise<boolean> => {
  const attempts = wellKnownAddresses.map(async (host) => {
    const socket = await dial({ host, port: 443 }, undefined, { timeoutMs: lookupTimeoutMs, signal });
    socket.destroy();
  });
  return Promise.any(attempts).then(
    () => true,
    () => false,
  );
});

/** Returns the way to one URL of the server's public side, past every proxy. */
export function publicRoute(context: TargetContext, way: PublicWay & { kind: "open" }, url: URL): Route {
  const end = endOf(url);
  const to = { address: way.address, port: way.port };
  const from = `${bracketed(end.host)}:${end.port}`;
  const open = (signal: AbortSignal): Promise<Socket> =>
    dial(end, { connectTo: to }, { timeoutMs: dialTimeoutMs, signal });
  return {
    side: "public",
    url,
    open,
    shared: sharedLine(context, { side: "public", url, dial: () => open(context.machine.signal) }),
    ca: context.machine.world.ca,
    headers: [],
    curl: ["--noproxy '*'", `--connect-to ${shellQuote(`${from}:${bracketed(to.address)}:${to.port}`)}`],
  };
}

async function askPublicResolvers(
  { request, signal }: MachineContext,
  name: string,
): Promise<{ answer: NameAnswer; resolver: string }> {
  const texts = request.publicDns === undefined ? publicResolvers : [request.publicDns];
  let last: { answer: NameAnswer; resolver: string } | undefined;
  for (const text of texts) {
    const resolver: DnsResolver = parseResolver(text, "--public-dns");
    last = { answer: await resolveName(name, resolver, { timeoutMs: lookupTimeoutMs, signal }), resolver: text };
    if (last.answer.kind !== "unanswered") return last;
  }
  return last ?? { answer: { kind: "unanswered", reason: "there is none" }, resolver: "none" };
}

function chooseAddress(
  addresses: readonly string[],
  { port, resolver }: { readonly port: number; readonly resolver: string },
): PublicWay {
  const open = addresses.filter(isPublicAddress);
  // Fewer machines have IPv6 than IPv4.
  const address = open.find((candidate) => !candidate.includes(":")) ?? open[0];
  if (address === undefined) return { kind: "forbidden", addresses, resolver };
  return { kind: "open", typed: false, address, port, resolver };
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(plainAddress(host));
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
