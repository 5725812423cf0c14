import { join } from "node:path";
import type { GatewayConfig } from "../config/config.ts";
import { TsmcpError } from "../core/errors.ts";
import { fitsSocketPath, maxSocketPathBytes } from "../core/socket-path.ts";
import { addressText, type ListenAddress } from "../net/http-server.ts";
import { isAtLeast, type TailscaleVersion } from "../tailscale/version.ts";

/** Where the gateway listens. */
export type ListenPlan =
  | {
      readonly kind: "two";
      readonly private: ListenAddress;
      readonly public: ListenAddress;
      readonly admin: ListenAddress;
    }
  | { readonly kind: "single"; readonly single: ListenAddress; readonly admin: ListenAddress };

/** `serve` takes `unix:` from here on, for root. Source: tailscale 1.94 changelog, `ipn/serve.go`. */
const unixTargets: TailscaleVersion = { major: 1, minor: 94, patch: 0 };

/** Before this, a client's own capabilities header passed, and Funnel has to be told from Serve by a header alone. */
export const singleListener: TailscaleVersion = { major: 1, minor: 92, patch: 0 };

/** Older ones tell of a caller's grants to the node, whatever Service they are asked about. Source: `localapi.go` serveWhoIs. */
export const grantsToServices: TailscaleVersion = { major: 1, minor: 100, patch: 0 };

/** Used where `serve` may not reach a socket; other ports can be configured. */
const defaultPorts = { private: 8480, public: 8481 };

/**
 * Returns where to listen: as configured, else on sockets in `directory` where tailscaled can be told to use them, else on
 * loopback. Throws `config-invalid` for an address that is none, and for both one listener and two.
 */
export function listenPlan(
  listen: NonNullable<GatewayConfig["listen"]>,
  facts: {
    readonly directory: string | undefined;
    readonly uid: number;
    readonly version: TailscaleVersion | undefined;
  },
): ListenPlan {
  const { directory, uid, version } = facts;
  const socketAt = (name: string): ListenAddress => ({ kind: "unix", path: join(directory ?? "/", `${name}.sock`) });
  const fits = directory !== undefined && fitsSocketPath(join(directory, "private.sock"));
  const usesSockets = fits && uid === 0 && (version === undefined || isAtLeast(version, unixTargets));
  const usual = (name: "private" | "public"): ListenAddress =>
    usesSockets ? socketAt(name) : { kind: "tcp", host: "127.0.0.1", port: defaultPorts[name] };
  const at = (name: "private" | "public" | "admin" | "single"): ListenAddress | undefined => {
    const text = listen[name];
    return text === undefined ? undefined : parseAddress(text, `gateway.listen.${name}`);
  };
  const admin = at("admin") ?? (fits ? socketAt("admin") : { kind: "tcp", host: "127.0.0.1", port: 0 });
  const single = at("single");
  if (single === undefined) {
    return { kind: "two", private: at("private") ?? usual("private"), public: at("public") ?? usual("public"), admin };
  }
  if (listen.private === undefined && listen.public === undefined) return { kind: "single", single, admin };
  throw new TsmcpError({
    code: "config-invalid",
    message: "gateway.listen: single stands beside private or public",
    hint: "leave out gateway.listen.single: two listeners are the stronger way",
  });
}

function parseAddress(text: string, key: string): ListenAddress {
  if (text.startsWith("unix:/")) {
    const path = text.slice("unix:".length);
    if (fitsSocketPath(path)) return { kind: "unix", path };
    throw badAddress(text, key, `use a path of at most ${maxSocketPathBytes} bytes`);
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || text.startsWith("unix:") || port > 65_535) {
    throw badAddress(text, key, "write unix:/ABSOLUTE/PATH or 127.0.0.1:PORT");
  }
  if (!/^(127(\.\d{1,3}){3}|localhost|::1)$/.test(host)) {
    throw badAddress(text, key, "listen on loopback: tailscale serve and funnel are the way in");
  }
  return { kind: "tcp", host, port };
}

function badAddress(text: string, key: string, hint: string): TsmcpError {
  return new TsmcpError({
    code: "config-invalid",
    message: `${key}: ${JSON.stringify(text)} is no address to listen on`,
    hint,
  });
}

/** Returns what to hand to `tailscale serve` or `funnel`. */
export function targetOf(address: ListenAddress, prefix: string): string {
  return address.kind === "unix" ? addressText(address) : `http://${addressText(address)}${prefix}`;
}
