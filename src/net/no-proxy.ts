import { isIP } from "node:net";
import { isInRanges } from "./address.ts";

/**
 * Returns true when the list of `NO_PROXY` exempts the target: `*` alone, a host name and everything below it (with or
 * without a leading dot), an address, a CIDR range; each with `:PORT` for that port only.
 * Source: https://curl.se/docs/manpage.html#NOPROXY; the port is what wget and Go read besides.
 */
export function isExempt(noProxy: string, target: { readonly host: string; readonly port: number }): boolean {
  if (noProxy.trim() === "*") return true;
  const host = normalised(target.host);
  return noProxy
    .split(/[,\s]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      const { pattern, port } = splitPort(entry);
      if (port !== undefined && port !== target.port) return false;
      return isIP(host) === 0 ? isNameBelow(host, normalised(pattern)) : isInRanges(host, [pattern]);
    });
}

function splitPort(entry: string): { pattern: string; port: number | undefined } {
  const match = /^(\[[^\]]*\]|[^:]+):(\d{1,5})$/.exec(entry);
  return match === null ? { pattern: entry, port: undefined } : { pattern: match[1] ?? "", port: Number(match[2]) };
}

function isNameBelow(host: string, pattern: string): boolean {
  const suffix = pattern.replace(/^\*?\./, "");
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`));
}

function normalised(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}
