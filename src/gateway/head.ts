import type { IncomingMessage } from "node:http";
import { isLoopbackAddress } from "../net/address.ts";

/** What of a request's head is looked at, each as the one line that carries it. */
export interface Head {
  readonly method: string;
  readonly path: string;
  readonly host: Line;
  readonly forwardedFor: Line;
  readonly login: Line;
  /** tailscaled's mark of a request from the internet, in whatever value. */
  readonly funnel: boolean;
  readonly contentType: Line;
  readonly contentEncoding: Line;
  readonly accept: string;
  readonly origin: Line;
  readonly fetchSite: Line;
  readonly sessionId: Line;
  readonly protocolVersion: Line;
  readonly mcpMethod: Line;
  readonly mcpName: Line;
  readonly lastEventId: Line;
  /** `Mcp-Param-*` by name in lower case. */
  readonly params: ReadonlyMap<string, Line>;
}

/** A header's value; `twice` where there are several lines of it, which nothing we look at may have. */
export type Line = string | undefined | typeof twice;
export const twice = Symbol("twice");

export const maxHeaderLines = 200;

const none: ReadonlyMap<string, Line> = new Map();

/** Why a head is refused before anything in it is believed. */
export type HeadDefect = { readonly status: 400 | 405 | 431; readonly reason: string };

/** Returns the head of a request, or its defect. Names are compared in any case; `_` is never `-`. */
export function readHead(
  request: Pick<IncomingMessage, "rawHeaders" | "method" | "url" | "headers">,
): Head | HeadDefect {
  const { rawHeaders, method = "", url = "" } = request;
  if (rawHeaders.length > 2 * maxHeaderLines) return { status: 431, reason: "too many header fields" };
  if (method !== "POST" && method !== "GET" && method !== "DELETE")
    return { status: 405, reason: "the method is not allowed" };
  const lines = new Map<string, string | typeof twice>();
  let params: Map<string, Line> | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const line = lines.has(name) ? twice : (rawHeaders[at + 1] ?? "");
    lines.set(name, line);
    if (!name.startsWith("mcp-param-")) continue;
    params ??= new Map();
    params.set(name, line);
  }
  if (lines.has("upgrade")) return { status: 400, reason: "nothing to upgrade to" };
  const accept = lines.get("accept");
  return {
    method,
    path: url,
    host: lines.get("host"),
    forwardedFor: lines.get("x-forwarded-for"),
    login: lines.get("tailscale-user-login"),
    funnel: lines.has("tailscale-funnel-request"),
    contentType: lines.get("content-type"),
    contentEncoding: lines.get("content-encoding"),
    // Several lines of this one are a list (RFC 9110 § 12.5.1), which Node joins.
    accept: accept === twice ? (request.headers.accept ?? "") : (accept ?? ""),
    origin: lines.get("origin"),
    fetchSite: lines.get("sec-fetch-site"),
    sessionId: lines.get("mcp-session-id"),
    protocolVersion: lines.get("mcp-protocol-version"),
    mcpMethod: lines.get("mcp-method"),
    mcpName: lines.get("mcp-name"),
    lastEventId: lines.get("last-event-id"),
    params: params ?? none,
  };
}

/**
 * Returns true where a browser sends this for a page of somebody else: whoever browses on a tailnet device is an identified
 * caller, and must not lend his rights to a page. `ownName` is this node's name.
 */
export function isForeignPage(
  head: Head,
  { allowedOrigins, ownName }: { readonly allowedOrigins: readonly string[]; readonly ownName: string | undefined },
): boolean {
  const { origin, fetchSite } = head;
  if (origin !== undefined) {
    return origin === twice || !(allowedOrigins.includes(origin) || isOwnOrigin(origin, head, ownName));
  }
  return !(fetchSite === undefined || fetchSite === "none" || fetchSite === "same-origin");
}

/** The page came from where the request goes; for any name but these, DNS could have been turned round meanwhile. */
function isOwnOrigin(origin: string, { host }: Head, ownName: string | undefined): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined || url.host !== host) return false;
  return url.hostname === "localhost" || isLoopbackAddress(url.hostname) || url.hostname === ownName;
}

/** Returns true for JSON in UTF-8, not compressed. */
export function isJsonBody({ contentType, contentEncoding }: Head): boolean {
  if (contentEncoding !== undefined && contentEncoding !== "identity") return false;
  return (
    typeof contentType === "string" && /^application\/json[ \t]*(;[ \t]*charset="?utf-8"?[ \t]*)?$/i.test(contentType)
  );
}

/** Returns true where the caller takes this type, as clients of MCP must say; nothing said takes everything. */
export function accepts({ accept }: Head, type: keyof typeof namesType): boolean {
  return accept === "" || namesType[type].test(accept);
}

/** RFC 9110 § 12.5.1: a list of types or families of them, each with parameters. */
const namesType = {
  "application/json": /(?:^|,)[ \t]*(?:application\/(?:json|\*)|\*\/\*)[ \t]*(?:[;,]|$)/i,
  "text/event-stream": /(?:^|,)[ \t]*(?:text\/(?:event-stream|\*)|\*\/\*)[ \t]*(?:[;,]|$)/i,
} as const;
