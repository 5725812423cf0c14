import { TsmcpError } from "../core/errors.ts";

/** A TCP stream's other end: a name or an address (without brackets), and a port. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
}

/** Returns `host:port`, with brackets around an IPv6 address. Throws `usage-invalid` for a host that cannot be one. */
export function authorityOf(target: DialTarget): string {
  if (!/^[^\u0000-\u0020\u007f/?#@[\]]+$/.test(target.host)) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${JSON.stringify(target.host)} is not a host name or address`,
      hint: "write a name such as node.tailnet.ts.net, or an address without brackets",
    });
  }
  // Only an address has colons; asking node:net for more compiles an expression that takes it milliseconds.
  return `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
}
