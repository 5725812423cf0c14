import { createHash } from "node:crypto";
import type { TailnetNode, User } from "../tailnet.ts";

/** What nodes may do, by name, as `CapMap` has it: Serve and Funnel. */
const nodeCapabilities = ["funnel", "https", "https://tailscale.com/cap/funnel-ports?ports=443,8443,10000"];

/** Returns a node as `status` shows it. Source: tailscale `ipn/ipnstate/ipnstate.go` PeerStatus. */
export function peerJson(
  node: TailnetNode,
  self?: {
    readonly isOn: boolean;
    readonly isOnline: boolean;
    readonly isExpired: boolean;
    readonly expiredAt: Date | undefined;
  },
): object {
  const ips = addressesOf(node);
  return {
    ID: stableId(node),
    NodeID: node.id,
    PublicKey: nodeKey(node),
    HostName: node.name,
    DNSName: `${node.dnsName}.`,
    OS: "linux",
    UserID: node.user.id,
    TailscaleIPs: ips,
    AllowedIPs: prefixesOf(node),
    ...(node.tags.length > 0 ? { Tags: node.tags } : {}),
    Addrs: null,
    CurAddr: "",
    Relay: "sandbox",
    PeerRelay: "",
    RxBytes: 0,
    TxBytes: 0,
    Created: epoch,
    LastWrite: never,
    LastSeen: never,
    LastHandshake: never,
    Online: self?.isOnline ?? true,
    ExitNode: false,
    ExitNodeOption: false,
    Active: false,
    PeerAPIURL: self !== undefined && !self.isOn ? null : [`http://${node.address}:${node.peerApiPort}`],
    TaildropTarget: self === undefined ? 4 : 0,
    NoFileSharingReason: "",
    ...(node.isShared ? { ShareeNode: true } : {}),
    ...(self === undefined
      ? {}
      : { Capabilities: nodeCapabilities, CapMap: Object.fromEntries(nodeCapabilities.map((name) => [name, null])) }),
    InNetworkMap: true,
    InMagicSock: self === undefined,
    InEngine: false,
    ...(self?.isExpired === true ? { Expired: true } : {}),
    ...(self?.expiredAt === undefined ? {} : { KeyExpiry: self.expiredAt.toISOString().replace(/\.\d+/, "") }),
  };
}

/** Returns what LocalAPI's `whois` says of a node to the server. Source: tailscale `client/tailscale/apitype`. */
export function whoisJson(node: TailnetNode, version: string): object {
  return {
    Node: {
      ID: node.id,
      StableID: stableId(node),
      Name: `${node.dnsName}.`,
      User: node.user.id,
      ...(node.isShared ? { Sharer: node.user.id } : {}),
      Key: nodeKey(node),
      Addresses: prefixesOf(node),
      AllowedIPs: prefixesOf(node),
      Hostinfo: {
        IPNVersion: version,
        OS: "linux",
        Hostname: node.name,
        ...(node.isShared ? { ShareeNode: true } : {}),
        Services: [{ Proto: "peerapi4", Port: node.peerApiPort }],
        Userspace: true,
        UserspaceRouter: true,
      },
      Created: epoch,
      Cap: 142,
      ...(node.tags.length > 0 ? { Tags: node.tags } : {}),
      Online: true,
      MachineAuthorized: true,
      ComputedName: node.name,
      ComputedNameWithHost: node.name,
    },
    UserProfile: userJson(node.user),
    CapMap: Object.keys(node.capabilities).length === 0 ? null : node.capabilities,
  };
}

export function userJson({ id, login, displayName, picture }: User): object {
  return {
    ID: id,
    LoginName: login,
    DisplayName: displayName,
    ...(picture === "" ? {} : { ProfilePicURL: picture }),
  };
}

export function addressesOf(node: TailnetNode): readonly string[] {
  return [node.address];
}

/** Returns the addresses as routes. */
export function prefixesOf(node: TailnetNode): readonly string[] {
  return addressesOf(node).map((address) => `${address}/32`);
}

export function stableId(node: TailnetNode): string {
  return `n${node.id}CNTRL`;
}

export function nodeKey(node: TailnetNode): string {
  return `nodekey:${createHash("sha256").update(node.dnsName).digest("hex")}`;
}

/** Nobody was made at another time. */
const epoch = "2026-01-01T00:00:00Z";
/** Go's zero time. */
export const never = "0001-01-01T00:00:00Z";
