import { EventEmitter } from "node:events";
import type { BackendState } from "../../tailscale/status.ts";
import type { Faults } from "../faults.ts";
import { nodeOfName, type Tailnet, type TailnetNode, type User } from "../tailnet.ts";

/** The settings of a node, as LocalAPI's `prefs` tells them. */
export interface DaemonSettings {
  readonly loginServer: string;
  readonly hostname: string;
  readonly advertiseTags: readonly string[];
  readonly acceptRoutes: boolean;
  readonly shieldsUp: boolean;
}

export const defaultLoginServer = "https://controlplane.tailscale.com";

export const defaultSettings: DaemonSettings = {
  loginServer: "",
  hostname: "",
  advertiseTags: [],
  acceptRoutes: false,
  shieldsUp: false,
};

/** A key that nodes may join with: what they become. */
export interface JoinKey {
  readonly key: string;
  readonly user: User;
  readonly tags: readonly string[];
  readonly capabilities: TailnetNode["capabilities"];
}

/** What the coordination server decides by. */
export interface Control {
  readonly tailnet: Tailnet;
  readonly faults: Faults;
  readonly keys: readonly JoinKey[];
}

/** One tailscaled, with or without a node in the tailnet. */
export interface Daemon {
  readonly socket: string;
  readonly control: Control;
  node: TailnetNode | undefined;
  state: BackendState;
  wantRunning: boolean;
  settings: DaemonSettings;
  loginError: string;
  authUrl: string;
  /** When its node's key ended; undefined for keys that have not. */
  expiredAt: Date | undefined;
  /** `change` whenever any of that is another. */
  readonly events: EventEmitter<{ change: [] }>;
}

/** Returns a daemon that has joined already, or one that never did. */
export function createDaemon(socket: string, control: Control, node?: TailnetNode): Daemon {
  const settings = node === undefined ? defaultSettings : { ...defaultSettings, hostname: node.name };
  return {
    socket,
    control,
    node,
    state: node === undefined ? "NeedsLogin" : "Running",
    wantRunning: node !== undefined,
    settings: node === undefined ? settings : { ...settings, loginServer: defaultLoginServer },
    loginError: "",
    authUrl: "",
    expiredAt: undefined,
    events: new EventEmitter(),
  };
}

/**
 * Logs in with a key and returns what the coordination server says: the node runs, waits for an administrator, or why it
 * may not join. Nobody answers while control is down.
 */
export function logIn(
  daemon: Daemon,
  request: { readonly key: string; readonly fallbackName: string },
): "joined" | "needs-approval" | "no-answer" | { readonly refused: string } {
  const { control, settings } = daemon;
  const { faults, tailnet } = control;
  if (faults.control === "down") return "no-answer";
  const known = control.keys.find(({ key }) => key === request.key);
  if (known === undefined || faults.key === "rejected") {
    const refused = known === undefined ? "invalid authkey" : "invalid authkey: revoked";
    daemon.loginError = refused;
    return { refused };
  }
  forgetNode(daemon);
  const node = newNode(tailnet, known, {
    name: settings.hostname || request.fallbackName,
    tags: settings.advertiseTags,
  });
  tailnet.joined.set(node.id, node);
  change(daemon, { node, loginError: "", authUrl: "", expiredAt: undefined });
  if (faults.approval === "given") {
    change(daemon, { state: "Running" });
    return "joined";
  }
  change(daemon, { state: "NeedsMachineAuth" });
  return "needs-approval";
}

/** Leaves the tailnet: the node and every setting are gone. */
export function logOut(daemon: Daemon): void {
  forgetNode(daemon);
  change(daemon, { state: "NeedsLogin", wantRunning: false, settings: defaultSettings, loginError: "", authUrl: "" });
}

/** Sets what is given and tells whoever listens. */
export function change(
  daemon: Daemon,
  changes: Partial<
    Pick<Daemon, "node" | "state" | "wantRunning" | "settings" | "loginError" | "authUrl" | "expiredAt">
  >,
): void {
  Object.assign(daemon, changes);
  daemon.events.emit("change");
}

function forgetNode(daemon: Daemon): void {
  if (daemon.node !== undefined) daemon.control.tailnet.joined.delete(daemon.node.id);
  daemon.node = undefined;
}

/** A name that is taken gets a number, as in the real one. */
function newNode(
  tailnet: Tailnet,
  key: JoinKey,
  wanted: { readonly name: string; readonly tags: readonly string[] },
): TailnetNode {
  const id = Math.max(9, ...tailnet.joined.keys()) + 1;
  let name = wanted.name.toLowerCase();
  for (let number = 1; nodeOfName(tailnet, name) !== undefined; number += 1)
    name = `${wanted.name.toLowerCase()}-${number}`;
  return {
    id,
    name,
    dnsName: `${name}.${tailnet.suffix}`,
    address: `100.64.${id >> 8}.${id & 255}`,
    peerApiPort: 40_000 + id,
    user: key.user,
    tags: wanted.tags.length > 0 ? wanted.tags : key.tags,
    isShared: false,
    capabilities: key.capabilities,
  };
}
