import { existsSync } from "node:fs";
import { readRecord } from "../core/record.ts";
import { ownRuntimeDirectories } from "../core/runtime-directory.ts";
import { listenText } from "../tailscale/daemon-arguments.ts";
import { gatherFacts, type UpFacts } from "./facts.ts";
import { layoutOf } from "./layout.ts";
import type { BootstrapWorld } from "./world.ts";

/** What `tsmcp status` prints. */
export interface StatusReport {
  /** Whether the tailnet answers through the proxy. */
  readonly up: boolean;
  /** tailscaled's state, or null when none answers. */
  readonly state: string | null;
  /**
   * Whether the coordination server counts the node as online, or null when no tailscaled answers. A node that was logged
   * out or removed, and one whose server is gone, is Running all the same, and its data flow as long as nobody's keys change.
   */
  readonly online: boolean | null;
  /** Whether the tailnet's lock keeps the node out, until a signing node signs it. */
  readonly lockedOut: boolean;
  readonly node: { readonly name: string; readonly ips: readonly string[]; readonly tags: readonly string[] } | null;
  readonly proxy: string | null;
  readonly daemon: number | null;
  readonly version: string | null;
  readonly socket: string;
  readonly health: readonly string[];
}

/** Where a tailscaled that the system started listens. Source: tailscale `paths/paths_unix.go`. */
const systemSocket = "/var/run/tailscale/tailscaled.sock";

/** Returns how the node is doing; changes nothing. Throws `daemon-foreign` for a socket that is not to be trusted. */
export async function readBootstrapStatus(
  { socket: wanted }: { readonly socket: string | undefined },
  world: BootstrapWorld,
): Promise<StatusReport> {
  const socket = wanted ?? readRecord(world)?.socket ?? ownSocket(world) ?? systemSocket;
  const facts = await gatherFacts({ socket, proxy: { host: "127.0.0.1", port: 1055 } }, world);
  return reportOf(facts, socket);
}

function ownSocket(world: BootstrapWorld): string | undefined {
  const sockets = ownRuntimeDirectories(world).map((directory) => layoutOf(directory, { kind: "boot" }, world).socket);
  return sockets.find(existsSync);
}

function reportOf({ daemon, node, proxy }: UpFacts, socket: string): StatusReport {
  const self = node?.status.self;
  return {
    up: proxy?.answers === true,
    state: node?.status.backendState ?? null,
    online: node === undefined ? null : self?.online === true,
    lockedOut: node?.lockedOut !== undefined,
    node: self === undefined || self.dnsName === "" ? null : { name: self.dnsName, ips: self.ips, tags: self.tags },
    proxy: proxy === undefined ? null : listenText(proxy.address),
    daemon: daemon.kind === "ours" ? daemon.identity.pid : null,
    version: node?.status.version ?? null,
    socket,
    health: node?.status.health ?? [],
  };
}
