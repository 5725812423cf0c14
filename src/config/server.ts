import { TsmcpError } from "../core/errors.ts";

/** One MCP server and its two sides, as `doctor`, `up` and `bridge` see it. */
export interface Server {
  /** Its name in the configuration or on the command line; the URL itself where only that was given. */
  readonly name: string;
  /** The tailnet side as one text, to be handed on: to a bridge, or in an agent's entry. */
  readonly tailnetUrl: string;
  /** Where the tailnet reaches it. A URL without a path means `/mcp`, then `/`: the first that answers is it. */
  readonly tailnetUrls: UrlCandidates;
  /** Where the internet would look for it, in the same way; undefined for a server on loopback, which has no such side. */
  readonly publicUrls: UrlCandidates | undefined;
  /** `publicUrl: null`: nothing may answer publicly, not even to validate. */
  readonly publicClosed: boolean;
  /** Which side was worked out from the other. */
  readonly derived: "tailnet" | "public" | "none";
}

export type UrlCandidates = readonly [string, ...string[]];

/** The sides of a server as the configuration spells them. */
export interface ServerSides {
  readonly tailnetUrl?: string | undefined;
  readonly publicUrl?: string | null | undefined;
}

export type ServerUrlResult =
  | { readonly status: "ok"; readonly url: URL }
  | { readonly status: "invalid"; readonly expected: string };

/** Serve's port in every recipe, and Funnel's: CONTRACT "Configuration". */
const tailnetPort = "8443";

/** A name is a key in agents' files, a word on the command line and part of tool names. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Returns the URL of an MCP server: https, or http to this machine. The host is in lower case and has no trailing dot,
 * which TLS and Serve would not know. Anything else is `invalid`, with what was expected.
 */
export function readServerUrl(text: string): ServerUrlResult {
  // URL would drop line breaks, tabs and blanks without a word.
  if (/[\u0000-\u0020\u007f\\]/.test(text)) return invalid("a URL without blanks, backslashes or control characters");
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    return invalid("a URL such as https://node.tailnet.ts.net:8443/mcp");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return invalid("a URL without a user or password");
  if (text.includes("#")) return invalid("a URL without a fragment");
  if (url.hostname.endsWith(".")) url.hostname = url.hostname.slice(0, -1);
  if (url.hostname === "" || url.hostname.endsWith(".")) return invalid("a URL with a host name");
  if (url.protocol === "http:" && !isLoopback(url.hostname)) return invalid("https, or http to this machine");
  return { status: "ok", url };
}

/**
 * Returns the server behind a bare URL: `:8443` is its tailnet side, no port its public one, any other port its tailnet
 * side; the other is derived. Throws `usage-invalid`, which names `label`.
 */
export function serverFromUrl(text: string, label: string, name?: string): Server {
  const result = readServerUrl(text);
  if (result.status === "invalid") throw badUrl(text, label, result.expected);
  const isPublic = result.url.port === "" && !isLoopback(result.url.hostname);
  const sides = isPublic ? { publicUrl: text } : { tailnetUrl: text };
  return serverFromSides(name ?? withoutSlash(result.url), sides, label);
}

/** Returns the server of `NAME=URL`. Throws `usage-invalid`, which names `label`. */
export function serverFromAssignment(text: string, label: string): Server {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0));
  if (at === -1 || !isServerName(name)) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${label}: ${JSON.stringify(text)} is not NAME=URL`,
      hint: "write a name of letters, digits, dots, dashes and underscores, then = and the server's URL",
    });
  }
  return serverFromUrl(text.slice(at + 1), label, name);
}

/**
 * Returns the server with the sides given; a missing one is derived from the other: the same host and path on 443 and
 * on 8443. Throws `usage-invalid`, which names `label`, for a bad URL and when there is none.
 */
export function serverFromSides(name: string, sides: ServerSides, label: string): Server {
  const tailnet = sides.tailnetUrl === undefined ? undefined : checkedUrl(sides.tailnetUrl, label);
  const open = typeof sides.publicUrl === "string" ? checkedUrl(sides.publicUrl, label) : undefined;
  const given = tailnet ?? open;
  if (given === undefined) throw badUrl("", label, "tailnetUrl or publicUrl");
  const tailnetSide = tailnet ?? withPort(given, isLoopback(given.hostname) ? given.port : tailnetPort);
  return {
    name,
    tailnetUrl: withoutSlash(tailnetSide),
    tailnetUrls: candidatesOf(tailnetSide),
    publicUrls: publicCandidates(open, given),
    publicClosed: sides.publicUrl === null,
    derived: tailnet === undefined ? "tailnet" : open === undefined ? "public" : "none",
  };
}

/** Returns where a URL leads that is dialled as it was typed. Throws `usage-invalid`, which names `label`. */
export function urlsAsTyped(text: string, label: string): UrlCandidates {
  return candidatesOf(checkedUrl(text, label));
}

/** Returns the URLs that `url` may mean, the likelier one first. */
export function candidatesOf(url: URL): UrlCandidates {
  if (url.pathname !== "/") return [url.href];
  const mcp = new URL(url);
  mcp.pathname = "/mcp";
  return [mcp.href, url.href];
}

/** Tells whether both texts name the same server URL; a text that is no such URL names none. */
export function isSameServerUrl(one: string, other: string): boolean {
  const left = readServerUrl(one);
  const right = readServerUrl(other);
  return left.status === "ok" && right.status === "ok" && left.url.href === right.url.href;
}

export function isServerName(text: string): boolean {
  return namePattern.test(text);
}

/** Tells whether a host, as URL writes it, is this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

function publicCandidates(open: URL | undefined, given: URL): UrlCandidates | undefined {
  if (open !== undefined) return candidatesOf(open);
  return isLoopback(given.hostname) ? undefined : candidatesOf(withPort(given, ""));
}

function withPort(url: URL, port: string): URL {
  const copy = new URL(url);
  copy.port = port;
  return copy;
}

function withoutSlash(url: URL): string {
  return url.pathname === "/" && url.search === "" ? url.href.slice(0, -1) : url.href;
}

function checkedUrl(text: string, label: string): URL {
  const result = readServerUrl(text);
  if (result.status === "invalid") throw badUrl(text, label, result.expected);
  return result.url;
}

function badUrl(text: string, label: string, expected: string): TsmcpError {
  return new TsmcpError({
    code: "usage-invalid",
    message: `${label}: expected ${expected}, got ${JSON.stringify(hidePassword(text))}`,
    hint: "write the server's URL, such as https://node.tailnet.ts.net:8443/mcp",
  });
}

/** A pasted password must not come back in a message; greedy up to the last @, since a password may hold any sign. */
export function hidePassword(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, "//[secret]@");
}

function invalid(expected: string): ServerUrlResult {
  return { status: "invalid", expected };
}
