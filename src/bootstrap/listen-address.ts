import { TsmcpError } from "../core/errors.ts";
import type { ListenAddress } from "../tailscale/daemon-arguments.ts";

/**
 * Returns the address that the proxy is to listen on: `127.0.0.1:1055`, `[::1]:0`, `localhost:1055`, a port alone, or the
 * URL that `tsmcp env` exports as TSMCP_PROXY.
 * Throws `usage-invalid`, which names `label`, for anything else, and for an address that others could reach: whoever
 * reaches the proxy is this node.
 */
export function parseListenAddress(text: string, label: string): ListenAddress {
  const authority = /^(?:(?:https?|socks5h?):\/\/)?([^/@\s]+?)\/?$/i.exec(text)?.[1] ?? "";
  const match = /^(?:(\[[0-9a-f:]+\]|[a-z0-9.-]+):)?(\d{1,5})$/i.exec(authority);
  const port = Number(match?.[2] ?? Number.NaN);
  if (match === null || !(port <= 65_535)) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${label}: ${JSON.stringify(text)} is not an address to listen on`,
      hint: "write an address and a port, such as 127.0.0.1:1055",
    });
  }
  const host = loopbackHost((match[1] ?? "127.0.0.1").toLowerCase());
  if (host === undefined) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${label}: ${JSON.stringify(text)} could be reached from other machines, and whoever reaches the proxy is this node`,
      hint: "use a loopback address, such as 127.0.0.1:1055",
    });
  }
  return { host, port };
}

function loopbackHost(host: string): string | undefined {
  if (host === "localhost") return "127.0.0.1";
  if (host === "[::1]") return "::1";
  return /^127(\.(25[0-5]|2[0-4]\d|1?\d{1,2})){3}$/.test(host) ? host : undefined;
}
