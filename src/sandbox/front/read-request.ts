import type { WebRequest } from "../../net/web-server.ts";
import type { ClientBody, ClientRequest } from "./request-headers.ts";
import { parseTarget, type Target } from "./request-target.ts";

/** A request as the front works on it, or Go's words for one that it refuses by itself. */
export type ReadRequest =
  | { readonly kind: "request"; readonly request: ClientRequest; readonly target: Target }
  | { readonly kind: "refused"; readonly reason: string };

/** Source: Go `net/http` readRequest and conn.readRequest. */
export function readRequest(incoming: WebRequest): ReadRequest {
  const headers = clientHeaders(incoming);
  const hosts = headers.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value);
  const isHttp2 = incoming.httpVersionMajor === 2;
  const text = isHttp2 ? String(incoming.headers[":path"] ?? "") : (incoming.url ?? "");
  const target = parseTarget(text);
  if (target === undefined) return { kind: "refused", reason: "" };
  if (hosts.length > 1) return { kind: "refused", reason: ": too many Host headers" };
  if (hosts.length === 0 && !isHttp2 && incoming.httpVersion === "1.1")
    return { kind: "refused", reason: ": missing required Host header" };
  const authority = incoming.headers[":authority"];
  const host = target.host ?? (typeof authority === "string" ? authority : undefined) ?? hosts[0] ?? "";
  if (!/^[A-Za-z0-9!$%&'()*+,\-.:;=@[\]_~]*$/.test(host)) return { kind: "refused", reason: ": malformed Host header" };
  const method = incoming.method ?? "GET";
  return { kind: "request", target, request: { method, host, headers, body: bodyOf(incoming) } };
}

/** In HTTP/2 a cookie may come in pieces, and Go puts them together (RFC 9113 § 8.2.3). */
function clientHeaders(incoming: WebRequest): (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = [];
  const cookies: string[] = [];
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    const name = incoming.rawHeaders[at] ?? "";
    const value = (incoming.rawHeaders[at + 1] ?? "").trim();
    if (name.startsWith(":")) continue;
    if (incoming.httpVersionMajor === 2 && name === "cookie") cookies.push(value);
    else headers.push([name, value]);
  }
  return cookies.length === 0 ? headers : [...headers, ["cookie", cookies.join("; ")]];
}

function bodyOf(incoming: WebRequest): ClientBody {
  const length = incoming.headers["content-length"];
  if ("stream" in incoming && incoming.stream.endAfterHeaders) return { kind: "none" };
  if (length !== undefined) return /^0+$/.test(length) ? { kind: "none" } : { kind: "sized", length };
  const isOpen = "stream" in incoming || incoming.headers["transfer-encoding"] !== undefined;
  return isOpen ? { kind: "unsized" } : { kind: "none" };
}
