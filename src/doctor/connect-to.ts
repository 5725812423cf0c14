import { TsmcpError } from "../core/errors.ts";

/** One `--connect-to`: dial `address:port` in the place of `host:port`. Undefined parts fit anything, or change nothing. */
export interface ConnectToRule {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly address: string | undefined;
  readonly toPort: number | undefined;
}

const part = String.raw`(\[[^\]]*\]|[^:[\]]*)`;
const form = new RegExp(`^${part}:(\\d*):${part}:(\\d*)$`);

/**
 * Returns the rule of `HOST:PORT:ADDR:PORT`, each part may be empty, IPv6 addresses in brackets.
 * Throws `usage-invalid`. Source: https://curl.se/docs/manpage.html#--connect-to
 */
export function parseConnectTo(text: string): ConnectToRule {
  const match = form.exec(text);
  const rule = match && {
    host: emptyToUndefined(match[1])?.toLowerCase(),
    port: portOf(match[2]),
    address: emptyToUndefined(match[3]),
    toPort: portOf(match[4]),
  };
  if (rule && rule.port !== null && rule.toPort !== null) return { ...rule, port: rule.port, toPort: rule.toPort };
  throw new TsmcpError({
    code: "usage-invalid",
    message: `--connect-to: ${JSON.stringify(text)} is not HOST:PORT:ADDR:PORT`,
    hint: "write it as curl does: node.tailnet.ts.net:443:203.0.113.7:443",
  });
}

/** Returns where the first fitting rule sends a connection, or undefined when none fits. */
export function applyConnectTo(
  rules: readonly ConnectToRule[],
  target: { readonly host: string; readonly port: number },
): { readonly address: string; readonly port: number } | undefined {
  const rule = rules.find(
    ({ host, port }) =>
      (host ?? target.host.toLowerCase()) === target.host.toLowerCase() && (port ?? target.port) === target.port,
  );
  return rule && { address: rule.address ?? target.host, port: rule.toPort ?? target.port };
}

function emptyToUndefined(text: string | undefined): string | undefined {
  const bare = text?.replace(/^\[(.*)\]$/, "$1");
  return bare === "" ? undefined : bare;
}

/** Undefined for an empty port, null for one that cannot be. */
function portOf(text: string | undefined): number | undefined | null {
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : null;
}
