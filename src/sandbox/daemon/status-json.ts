import { hostname } from "node:os";
import type { TailscaleVersion } from "../../tailscale/version.ts";
import { allNodes, type TailnetNode } from "../tailnet.ts";
import type { Daemon } from "./daemon.ts";
import { addressesOf, never, nodeKey, peerJson, userJson } from "./node-json.ts";

/** Returns LocalAPI's `status`. Source: tailscale `ipn/ipnstate/ipnstate.go` Status; run on 1.102.5 in every state. */
export function statusJson(daemon: Daemon, { withPeers }: { readonly withPeers: boolean }): object {
  const { node, state, control } = daemon;
  const { tailnet } = control;
  const isOn = state === "Running" || state === "NeedsMachineAuth";
  const head = {
    Version: versionText(tailnet.version),
    TUN: false,
    BackendState: state,
    ...(node === undefined ? {} : { HaveNodeKey: true }),
    AuthURL: daemon.authUrl,
  };
  if (node === undefined) {
    return {
      ...head,
      TailscaleIPs: null,
      Self: {
        ID: "",
        HostName: hostname(),
        DNSName: "",
        OS: "linux",
        UserID: 0,
        TailscaleIPs: null,
        Created: never,
        Online: false,
      },
      Health: healthOf(daemon),
      MagicDNSSuffix: "",
      CurrentTailnet: null,
      CertDomains: null,
      ExtraRecords: null,
      Peer: null,
      User: null,
      ClientVersion: null,
    };
  }
  const peers = withPeers && state === "Running" ? allNodes(tailnet).filter((one) => one !== node) : [];
  return {
    ...head,
    TailscaleIPs: addressesOf(node),
    Self: peerJson(node, {
      isOn,
      isOnline: state !== "Stopped",
      isExpired: state === "NeedsLogin",
      expiredAt: daemon.expiredAt,
    }),
    Health: healthOf(daemon),
    MagicDNSSuffix: tailnet.suffix,
    CurrentTailnet: { Name: "example.com", MagicDNSSuffix: tailnet.suffix, MagicDNSEnabled: true },
    CertDomains: [node.dnsName],
    ExtraRecords: null,
    Peer:
      peers.length === 0
        ? null
        : Object.fromEntries(
            peers.map((peer) => [nodeKey(peer), { ...peerJson(peer), Online: !tailnet.away.has(peer.id) }]),
          ),
    User: usersOf([node, ...peers]),
    ClientVersion: null,
  };
}

/** Returns LocalAPI's `prefs`. Source: tailscale `ipn/prefs.go`. */
export function prefsJson({ settings, wantRunning, node }: Daemon): object {
  return {
    ControlURL: settings.loginServer,
    RouteAll: settings.acceptRoutes,
    ExitNodeID: "",
    ExitNodeIP: "",
    CorpDNS: true,
    RunSSH: false,
    RunWebClient: false,
    WantRunning: wantRunning,
    LoggedOut: node === undefined && !wantRunning,
    ShieldsUp: settings.shieldsUp,
    AdvertiseTags: settings.advertiseTags.length === 0 ? null : settings.advertiseTags,
    Hostname: settings.hostname,
    AdvertiseRoutes: null,
    AdvertiseServices: null,
    NoSNAT: false,
    NetfilterMode: 2,
  };
}

export function versionText({ major, minor, patch }: TailscaleVersion): string {
  return `${major}.${minor}.${patch}`;
}

function healthOf({ wantRunning, loginError }: Daemon): readonly string[] {
  if (loginError !== "")
    return ["Tailscale is starting. Please wait.", `You are logged out. The last login error was: ${loginError}`];
  return wantRunning ? [] : ["Tailscale is stopped."];
}

function usersOf(nodes: readonly TailnetNode[]): object {
  return Object.fromEntries(nodes.map(({ user }) => [String(user.id), userJson(user)]));
}
