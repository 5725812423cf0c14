import { isObject, parseObject, stringOf, stringsOf } from "../core/json-object.ts";

/** What `tailscale status --json` and LocalAPI's `status` tell, as far as we read it. */
export interface NodeStatus {
  readonly version: string;
  readonly backendState: BackendState;
  /** Where a person must log in, or "". */
  readonly authUrl: string;
  readonly self: NodeSelf | undefined;
  /** Free text, for people. */
  readonly health: readonly string[];
  readonly magicDnsSuffix: string | undefined;
  /** The tailnet gives its nodes no names. */
  readonly isMagicDnsOff?: true | undefined;
  readonly usesTun: boolean;
}

export interface NodeSelf {
  /** Without the trailing dot. */
  readonly dnsName: string;
  readonly hostName: string;
  readonly ips: readonly string[];
  readonly tags: readonly string[];
  readonly online: boolean;
  readonly expired: boolean;
  /** When the node's key ends, in RFC 3339; undefined where it does not. */
  readonly keyExpiry?: string | undefined;
  /** Whose node it is; a tagged one is nobody's. */
  readonly login?: string | undefined;
  readonly peerApiUrls: readonly string[];
  readonly capabilities: readonly string[];
}

const backendStates = [
  "NoState",
  "InUseOtherUser",
  "NeedsLogin",
  "NeedsMachineAuth",
  "Stopped",
  "Starting",
  "Running",
] as const;

/** Source: tailscale `ipn/backend.go`. */
export type BackendState = (typeof backendStates)[number];

/** Another node of the tailnet, as far as this one may see it. */
export interface Peer {
  /** Without the trailing dot. */
  readonly dnsName: string;
  readonly ips: readonly string[];
  readonly online: boolean;
  /** The address that packets go to straight, or "". */
  readonly directAddress: string;
  /** The relay's region, where packets go through one. */
  readonly relay: string;
}

/** Returns the peers in LocalAPI's JSON; none when it is no status. */
export function parsePeers(json: string): readonly Peer[] {
  const peers = parseObject(json)?.Peer;
  return Object.values(isObject(peers) ? peers : {})
    .filter(isObject)
    .map((peer) => ({
      dnsName: withoutDot(stringOf(peer.DNSName)).toLowerCase(),
      ips: stringsOf(peer.TailscaleIPs),
      online: peer.Online === true,
      directAddress: stringOf(peer.CurAddr),
      relay: stringOf(peer.Relay),
    }));
}

/** Returns the status in LocalAPI's JSON, or undefined when it is none. */
export function parseStatus(json: string): NodeStatus | undefined {
  const value = parseObject(json);
  const backendState = backendStates.find((state) => state === value?.BackendState);
  if (value === undefined || backendState === undefined) return undefined;
  const tailnet = isObject(value.CurrentTailnet) ? value.CurrentTailnet : {};
  const suffix = stringOf(tailnet.MagicDNSSuffix) || stringOf(value.MagicDNSSuffix);
  return {
    version: stringOf(value.Version),
    backendState,
    authUrl: stringOf(value.AuthURL),
    self: isObject(value.Self) ? parseSelf(value.Self, isObject(value.User) ? value.User : {}) : undefined,
    health: stringsOf(value.Health),
    magicDnsSuffix: suffix === "" ? undefined : withoutDot(suffix).toLowerCase(),
    isMagicDnsOff: tailnet.MagicDNSEnabled === false || undefined,
    usesTun: value.TUN === true,
  };
}

function parseSelf(self: Readonly<Record<string, unknown>>, users: Readonly<Record<string, unknown>>): NodeSelf {
  const user = users[String(self.UserID)];
  return {
    dnsName: withoutDot(stringOf(self.DNSName)).toLowerCase(),
    hostName: stringOf(self.HostName),
    ips: stringsOf(self.TailscaleIPs),
    tags: stringsOf(self.Tags),
    online: self.Online === true,
    expired: self.Expired === true,
    keyExpiry: stringOf(self.KeyExpiry) || undefined,
    login: (isObject(user) && stringOf(user.LoginName)) || undefined,
    peerApiUrls: stringsOf(self.PeerAPIURL),
    capabilities: isObject(self.CapMap) ? Object.keys(self.CapMap) : [],
  };
}

function withoutDot(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
