import { isObject, parseObject, stringOf, stringsOf, type UnknownObject } from "../core/json-object.ts";

/** The nodes that this one sees, itself among them, and whose it is. */
export interface Network {
  /** Who owns this node; undefined for a tagged one. */
  readonly login: string | undefined;
  readonly nodes: readonly NetworkNode[];
}

export interface NetworkNode {
  /** In lower case, without the trailing dot. */
  readonly dnsName: string;
  readonly ips: readonly string[];
}

/** Returns the network in LocalAPI's `status`, or undefined when it is none. Source: tailscale `ipn/ipnstate/ipnstate.go`. */
export function parseNetwork(json: string): Network | undefined {
  const status = parseObject(json);
  if (status === undefined || !isObject(status.Self)) return undefined;
  const { Self: self } = status;
  const users = isObject(status.User) ? status.User : {};
  const user = users[String(self.UserID)];
  const isTagged = Array.isArray(self.Tags) && self.Tags.length > 0;
  const login = !isTagged && isObject(user) && typeof user.LoginName === "string" ? user.LoginName : undefined;
  const peers = isObject(status.Peer) ? Object.values(status.Peer).filter(isObject) : [];
  return { login, nodes: [self, ...peers].map(parseNode) };
}

function parseNode(node: UnknownObject): NetworkNode {
  const ips = stringsOf(node.TailscaleIPs);
  return { dnsName: stringOf(node.DNSName).replace(/\.$/, "").toLowerCase(), ips };
}
