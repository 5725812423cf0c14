import type { Server } from "node:http";
import { isAtLeast, parseTailscaleVersion } from "../../../src/tailscale/version.ts";

const keptLines = 1_000;

/**
 * Has a server keep the first thousand header lines of a request and drop the rest without a word, as Node.js does before
 * 22.23.3 and 24.21.0. Later ones refuse such a request, and there would be nothing to find; this one may be one of them.
 */
export function dropHeaderLines(server: Server): void {
  if (!refusesHeaderLines(process.versions.node)) return;
  server.maxHeadersCount = 0;
  server.prependListener("request", (request) => {
    if (request.rawHeaders.length <= 2 * keptLines) return;
    const rawHeaders = request.rawHeaders.slice(0, 2 * keptLines);
    Object.assign(request, { rawHeaders, headers: headersOf(rawHeaders) });
  });
}

function refusesHeaderLines(node: string): boolean {
  const version = parseTailscaleVersion(node);
  if (version === undefined) throw new Error(`Node.js calls itself ${node}`);
  return isAtLeast(
    version,
    version.major === 22 ? { major: 22, minor: 23, patch: 3 } : { major: 24, minor: 21, patch: 0 },
  );
}

/** As Node makes them, but for the headers that it keeps once. */
function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < raw.length; at += 2) {
    const [name = "", value = ""] = raw.slice(at, at + 2);
    const key = name.toLowerCase();
    headers[key] = key in headers && key !== "host" ? `${headers[key]}, ${value}` : (headers[key] ?? value);
  }
  return headers;
}
