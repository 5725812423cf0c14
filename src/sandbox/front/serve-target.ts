import { TsmcpError } from "../../core/errors.ts";
import type { BackendPlace } from "../../net/backend.ts";

/** Where a target of `tailscale serve` is, and the path that comes before the client's, or "". */
export interface BackendTarget {
  readonly place: BackendPlace;
  readonly path: string;
}

/**
 * Returns what `3000`, `localhost:3000`, `http://127.0.0.1:3000/path` and `unix:/path` mean.
 * Throws `unsupported` for TLS to a backend, which the sandbox does not imitate, and for another machine.
 */
export function parseServeTarget(text: string): BackendTarget {
  if (text.startsWith("unix:")) return { place: { kind: "unix", path: text.slice("unix:".length) }, path: "" };
  const url = expandServeTarget(text);
  const match = /^http:\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?([^?]*)/.exec(url);
  const host = (match?.[1] ?? "").replace(/^\[|\]$/g, "");
  if (match === null || !isLoopbackName(host)) {
    throw new TsmcpError({
      code: "unsupported",
      message: `the sandbox serves no ${JSON.stringify(text)}`,
      hint: "name a server of this machine: http://127.0.0.1:PORT, with a path or without, or unix:/PATH",
      facts: { target: text },
    });
  }
  return { place: { kind: "tcp", host, port: Number(match[2] ?? 80) }, path: match[3] ?? "" };
}

/** Returns the target as tailscale keeps it: `3000` is `http://127.0.0.1:3000`. Source: tailscale `ipn/serve.go`. */
export function expandServeTarget(text: string): string {
  if (text.includes("://") || text.startsWith("unix:")) return text;
  return /^\d+$/.test(text) ? `http://127.0.0.1:${text}` : `http://${text}`;
}

function isLoopbackName(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
