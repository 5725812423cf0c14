import { isLoopbackAddress } from "../net/address.ts";

/** Where Serve hands requests to. */
export type ServeTarget =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "address"; readonly host: string; readonly port: number; readonly path: string };

/** Returns the target that Serve has as an URL, `unix:PATH`, `HOST:PORT` or a port; undefined when it is none of these. */
export function parseServeTarget(target: string): ServeTarget | undefined {
  if (target.startsWith("unix:")) return { kind: "socket", path: target.slice("unix:".length) };
  const withHost = /^\d+$/.test(target) ? `127.0.0.1:${target}` : target;
  // `https+insecure` is Serve's own word for a server whose certificate nobody verifies.
  const text = withHost.includes("://") ? withHost.replace(/^https\+insecure:/, "https:") : `http://${withHost}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { kind: "address", host, port, path: url.pathname };
}

/** Whether only this machine gets there by the network. */
export function isOnLoopback(target: ServeTarget): boolean {
  return target.kind === "address" && (target.host === "localhost" || isLoopbackAddress(target.host));
}

/** Returns one name for one listener, whatever the path, so that two targets can be compared. */
export function listenerOf(target: ServeTarget): string {
  if (target.kind === "socket") return `unix:${target.path}`;
  return `${isOnLoopback(target) ? "localhost" : target.host}:${target.port}`;
}
