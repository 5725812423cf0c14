import { isAddress } from "../../net/address.ts";
import { funnelPorts } from "../front/serve-config.ts";
import { nodeOfAddress, nodeOfName, servedOn, type Tailnet, type TailnetNode } from "../tailnet.ts";

/** Where a node's proxy gets to, in tailscaled's words where it does not. */
export type Destination =
  | { readonly kind: "front"; readonly port: number }
  | { readonly kind: "peer-api" }
  /** A port of this machine; `refusal` is what is said when nobody listens there. */
  | { readonly kind: "loopback"; readonly host: string; readonly port: number; readonly refusal: string }
  | { readonly kind: "failed"; readonly reason: string }
  /** Nobody ever answers. */
  | { readonly kind: "silent" };

/**
 * Returns where `authority` leads from a node that is on the tailnet, knows it without being on it, or does not know it.
 * Names are the tailnet's alone, and nothing leaves the machine.
 * Source: tailscale `net/tsdial/tsdial.go` UserDial, `wgengine/netstack/netstack.go` acceptTCP; texts run on 1.102.5.
 */
export function destinationOf(
  authority: string,
  from: { readonly tailnet: Tailnet; readonly standing: "running" | "known" | "unknown" },
): Destination {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(authority);
  if (match === null) return { kind: "failed", reason: `address ${authority}: missing port in address` };
  const host = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) {
    const refusal = `dial tcp ${host === "localhost" ? "127.0.0.1" : host}:${port}: connect: connection refused`;
    return { kind: "loopback", host, port, refusal };
  }
  const { tailnet, standing } = from;
  const node =
    standing === "unknown" ? undefined : !isAddress(host) ? nodeOfName(tailnet, host) : nodeOfAddress(tailnet, host);
  if (node !== undefined && tailnet.away.has(node.id)) return { kind: "silent" };
  if (node !== undefined) return standing === "running" ? portOf(node, port, tailnet) : { kind: "silent" };
  if (!isAddress(host)) return { kind: "failed", reason: `lookup ${host}: no such host` };
  return { kind: "failed", reason: `dial tcp ${authority}: connect: network is unreachable` };
}

/** Returns where `authority` leads from the internet: to the server's public ports, and nowhere else. */
export function publicDestinationOf(authority: string, { server }: Tailnet): Destination {
  const [host = "", port = ""] = authority.split(":");
  if (host.toLowerCase().replace(/\.$/, "") !== server.dnsName)
    return { kind: "failed", reason: `lookup ${host}: no such host` };
  return funnelPorts.includes(Number(port))
    ? { kind: "front", port: Number(port) }
    : { kind: "failed", reason: `dial tcp ${authority}: connect: connection refused` };
}

function portOf(node: TailnetNode, port: number, tailnet: Tailnet): Destination {
  const refusal = `connect tcp ${node.address}:${port}: connection was refused`;
  if (port === node.peerApiPort) return { kind: "peer-api" };
  if (node !== tailnet.server) return { kind: "failed", reason: refusal };
  // On a userspace server a port that is not served is forwarded to the same one of its loopback.
  const isServed = servedOn(tailnet, port) !== undefined;
  return isServed ? { kind: "front", port } : { kind: "loopback", host: "127.0.0.1", port, refusal };
}
