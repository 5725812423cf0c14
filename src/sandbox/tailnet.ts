import type { TailscaleVersion } from "../tailscale/version.ts";
import type { ServeConfig, ServedPort } from "./front/serve-config.ts";

/** Who can be a caller of the sandbox's server. */
export const callerNames = ["user", "agent", "stranger", "guest", "internet"] as const;
export type CallerName = (typeof callerNames)[number];

/** Objects by capability, as a grant's `app` has them. */
export type Capabilities = Readonly<Record<string, readonly unknown[]>>;

export interface User {
  readonly id: number;
  readonly login: string;
  readonly displayName: string;
  readonly picture: string;
}

/** One node, as the coordination server knows it. */
export interface TailnetNode {
  readonly id: number;
  readonly name: string;
  /** Without the last dot. */
  readonly dnsName: string;
  readonly address: string;
  /** Where its peer API would listen; the proxies answer there. */
  readonly peerApiPort: number;
  readonly user: User;
  readonly tags: readonly string[];
  /** Of another tailnet, with which the server is shared. */
  readonly isShared: boolean;
  /** What grants give it on the server. */
  readonly capabilities: Capabilities;
}

/** A tailnet of one server and its callers. */
export interface Tailnet {
  readonly suffix: string;
  readonly version: TailscaleVersion;
  readonly server: TailnetNode;
  readonly callers: Readonly<Record<Exclude<CallerName, "internet">, TailnetNode>>;
  /** Nodes that joined by `tailscale up`; they come and go. */
  readonly joined: Map<number, TailnetNode>;
  /** Those of them whose tailscaled does not run. */
  readonly away: Set<number>;
  /** What stays until it is taken away. */
  serve: ServeConfig;
  /** What stands only while some `tailscale serve` runs, by the session that it runs in. */
  readonly foreground: Map<string, ForegroundServe>;
}

export interface ForegroundServe {
  readonly config: ServeConfig;
  /** Ends the program that it stands for. */
  end(): void;
}

/**
 * Returns what is served on a port of the server; what runs in the foreground comes first.
 * Source: tailscale `ipn/serve.go` FindWeb.
 */
export function servedOn({ serve, foreground }: Tailnet, port: number): ServedPort | undefined {
  return foregroundOn(foreground, port) ?? serve.get(port);
}

/** Returns what is served on a port in the foreground. */
export function foregroundOn(foreground: Tailnet["foreground"], port: number): ServedPort | undefined {
  return [...foreground.values()].find(({ config }) => config.has(port))?.config.get(port);
}

/** Returns the node that has the address, or nothing. */
export function nodeOfAddress(tailnet: Tailnet, address: string): TailnetNode | undefined {
  return allNodes(tailnet).find((node) => node.address === address);
}

/** Returns the node of a full name or its first label, in any case and with or without a last dot. */
export function nodeOfName(tailnet: Tailnet, name: string): TailnetNode | undefined {
  const wanted = name.toLowerCase().replace(/\.$/, "");
  return allNodes(tailnet).find(({ dnsName }) => dnsName === wanted || dnsName.split(".")[0] === wanted);
}

export function allNodes(tailnet: Tailnet): readonly TailnetNode[] {
  return [tailnet.server, ...Object.values(tailnet.callers), ...tailnet.joined.values()];
}
