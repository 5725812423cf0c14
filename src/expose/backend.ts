import { join } from "node:path";
import { fitsSocketPath, maxSocketPathBytes } from "../core/socket-path.ts";
import { isAtLeast, type TailscaleVersion } from "../tailscale/version.ts";
import type { ExposeFacts, UserFacts } from "./facts.ts";

/** What the gateway listens on, and why not on what is stronger. */
export interface Backend {
  readonly kind: "sockets" | "loopback";
  readonly why: string;
}

/** `serve` takes `unix:` from here on. Source: tailscale 1.94 changelog. */
const unixTargets: TailscaleVersion = { major: 1, minor: 94, patch: 0 };

/**
 * Returns whether both views can be unix sockets. A socket keeps out everybody but this user and root; a port of loopback is open to
 * every process here and, on a userspace node, to the tailnet, so there a secret path keeps them out.
 */
export function chooseBackend({ user, version, cli }: ExposeFacts, directory: string): Backend {
  const path = socketPaths(directory).private;
  if (!fitsSocketPath(path))
    return loopback(`${path} is longer than the ${maxSocketPathBytes} bytes that a socket's path may have`);
  if (!knows(version) || !knows(cli?.version)) return loopback("tailscale before 1.94 knows no sockets behind Serve");
  const reason = whyNoSocket(user);
  return reason === undefined ? { kind: "sockets", why: "only this user and root can open them" } : loopback(reason);
}

export function socketPaths(directory: string): { readonly private: string; readonly public: string } {
  return { private: join(directory, "private.sock"), public: join(directory, "public.sock") };
}

/** Returns whether tailscaled takes changes from this user. Source: tailscale `ipn/ipnauth/ipnauth.go` IsReadonlyConn. */
export function mayServe({ uid, name, daemonUid, operator }: UserFacts): boolean {
  return uid === 0 || uid === daemonUid || operator === name;
}

/** Source: tailscale `ipn/localapi/serve.go` authorizeServeConfigForGOOSAndUserContext. */
function whyNoSocket({ uid, daemonUid, maySudo }: UserFacts): string | undefined {
  if (uid !== 0 && !maySudo)
    return "tailscaled takes sockets from root only, or from an operator who may sudo tailscale";
  // The sockets are 0600.
  return daemonUid === undefined || daemonUid === 0 || daemonUid === uid
    ? undefined
    : "tailscaled runs as another user, who could not open the sockets";
}

function knows(version: TailscaleVersion | undefined): boolean {
  return version !== undefined && isAtLeast(version, unixTargets);
}

function loopback(why: string): Backend {
  return { kind: "loopback", why };
}
