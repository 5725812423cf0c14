import type { Http2Request } from "../../net/web-server.ts";
import type { Head } from "./http1/head.ts";
import type { ClientBody, ClientRequest } from "./request-headers.ts";
import { parseTarget, type Target } from "./request-target.ts";

/** A request as the front works on it, or the end of Go's words for one that it refuses by itself. */
export type ReadRequest =
  | { readonly kind: "request"; readonly request: ClientRequest; readonly target: Target }
  | { readonly kind: "refused"; readonly reason: string };

type Header = readonly [name: string, value: string];

/** Source: Go `net/http` readRequest and conn.readRequest. */
export function readHttp1({ method, target: text, isVersion10, headers, framing }: Head): ReadRequest {
  const hosts = headers.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value);
  if (hosts.length > 1) return { kind: "refused", reason: "" };
  if (hosts.length === 0 && !isVersion10) return { kind: "refused", reason: ": missing required Host header" };
  const body: ClientBody =
    framing.kind === "sized"
      ? { kind: "sized", length: String(framing.length) }
      : { kind: framing.kind === "none" ? "none" : "unsized" };
  return checked({ text, method, host: hosts[0] ?? "", headers, body });
}

/** Source: golang.org/x/net/http2 serverConn.newWriterAndRequest. */
export function readHttp2(incoming: Http2Request): ReadRequest {
  const { ":path": text = "", ":authority": authority } = incoming.headers;
  const headers = withOneCookie(pairs(incoming.rawHeaders));
  const named = headers.find(([name]) => name === "host")?.[1] ?? "";
  const method = incoming.method ?? "GET";
  return checked({ text: String(text), method, host: authority ?? named, headers, body: bodyOf(incoming) });
}

function checked({ text, ...request }: ClientRequest & { readonly text: string }): ReadRequest {
  const target = parseTarget(text);
  if (target === undefined) return { kind: "refused", reason: "" };
  const host = target.host || request.host;
  if (!/^[A-Za-z0-9!$%&'()*+,\-.:;=@[\]_~]*$/.test(host)) return { kind: "refused", reason: ": malformed Host header" };
  return { kind: "request", target, request: { ...request, host } };
}

function pairs(flat: readonly string[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) headers.push([flat[at] ?? "", (flat[at + 1] ?? "").trim()]);
  return headers.filter(([name]) => !name.startsWith(":"));
}

/** In HTTP/2 a cookie may come in pieces, and Go puts them together (RFC 9113 § 8.2.3). */
function withOneCookie(headers: readonly Header[]): readonly Header[] {
  const cookies = headers.filter(([name]) => name === "cookie").map(([, value]) => value);
  if (cookies.length === 0) return headers;
  return [...headers.filter(([name]) => name !== "cookie"), ["cookie", cookies.join("; ")]];
}

function bodyOf({ headers, stream }: Http2Request): ClientBody {
  const length = headers["content-length"];
  if (stream.endAfterHeaders) return { kind: "none" };
  if (length === undefined) return { kind: "unsized" };
  return Number(length) === 0 ? { kind: "none" } : { kind: "sized", length: String(Number(length)) };
}
