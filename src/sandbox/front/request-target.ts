/** A request-target, read as Go's `net/url` reads it. */
export interface Target {
  /** Bytes as latin1 characters. */
  readonly path: string;
  /** As it goes out again. */
  readonly escapedPath: string;
  readonly query: string;
  /** A `?` with nothing behind it stays. */
  readonly hasQuery: boolean;
  /** The host of an absolute-form target, which counts for more than Host (RFC 9112 § 3.2.2). */
  readonly host: string | undefined;
}

/** Returns the parts of a request-target (latin1), or undefined where Go answers 400. Source: Go `net/url` parse. */
export function parseTarget(text: string): Target | undefined {
  // A control character in a URL is refused.
  if (/[\x00-\x20\x7f]/.test(text)) return undefined;
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?]*)(.*)$/.exec(text);
  const host = absolute?.[1];
  const rest = absolute?.[2] ?? text;
  if (absolute === null && !rest.startsWith("/") && rest !== "*") return undefined;
  const at = rest.indexOf("?");
  const raw = at === -1 ? rest : rest.slice(0, at);
  const path = unescapePath(raw);
  if (path === undefined) return undefined;
  const escapedPath = isValidEscaped(raw) ? raw : escapePath(path);
  return { path, escapedPath, query: at === -1 ? "" : rest.slice(at + 1), hasQuery: at !== -1, host };
}

/**
 * Returns the target without its mount, or undefined where that does not stand at its beginning, decoded and escaped.
 * Source: Go `net/http` StripPrefix.
 */
export function stripMount(target: Target, mount: string): Target | undefined {
  const prefix = mount.replace(/\/$/, "");
  if (target.path === "/" || prefix === "") return target;
  if (!target.path.startsWith(prefix)) return undefined;
  const path = target.path.slice(prefix.length);
  // Go keeps the escaped form only where it is not the usual one.
  if (target.escapedPath === escapePath(target.path)) return { ...target, path, escapedPath: escapePath(path) };
  if (!target.escapedPath.startsWith(prefix)) return undefined;
  return { ...target, path, escapedPath: target.escapedPath.slice(prefix.length) };
}

/** Returns what the backend at `base` (a path, or "") is asked for. Source: Go `httputil` joinURLPath, cleanQueryParams. */
export function backendTarget({ path, escapedPath, query, hasQuery }: Target, base: string): string {
  const joined = path === "" && base !== "" ? base : joinPaths(base, escapedPath);
  const cleaned = cleanQuery(query);
  return `${joined || "/"}${cleaned !== "" || (hasQuery && query === "") ? `?${cleaned}` : ""}`;
}

function joinPaths(base: string, path: string): string {
  if (base.endsWith("/") && path.startsWith("/")) return base + path.slice(1);
  return base.endsWith("/") || path.startsWith("/") ? base + path : `${base}/${path}`;
}

/** What a target's path may have as it is; everything else is a percent sign and two digits. */
const plain = /^[A-Za-z0-9\-._~$&+,/:;=@]$/;
const plainWhenGiven = /^(?:[A-Za-z0-9\-._~$&+,/:;=@!'()*[\]]|%[0-9A-Fa-f]{2})*$/;

function isValidEscaped(raw: string): boolean {
  return plainWhenGiven.test(raw);
}

function escapePath(path: string): string {
  if (path === "*") return path;
  return Array.from(path, (byte) => (plain.test(byte) ? byte : percent(byte))).join("");
}

function percent(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function unescapePath(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A query with `;` or a broken escape is read, what cannot be read is dropped, and the rest written anew, sorted. */
function cleanQuery(query: string): string {
  if (!query.includes(";") && !/%(?![0-9A-Fa-f]{2})/.test(query)) return query;
  const pairs = new Map<string, string[]>();
  for (const part of query.split("&")) {
    if (part === "" || part.includes(";")) continue;
    const at = part.indexOf("=");
    const key = unescapeQuery(at === -1 ? part : part.slice(0, at));
    const value = unescapeQuery(at === -1 ? "" : part.slice(at + 1));
    if (key !== undefined && value !== undefined) pairs.set(key, [...(pairs.get(key) ?? []), value]);
  }
  return [...pairs]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([key, values]) => values.map((value) => `${escapeQuery(key)}=${escapeQuery(value)}`))
    .join("&");
}

function unescapeQuery(text: string): string | undefined {
  return unescapePath(text.replaceAll("+", " "));
}

function escapeQuery(text: string): string {
  const escaped = (byte: string): string => (/^[A-Za-z0-9\-._~]$/.test(byte) ? byte : percent(byte));
  return Array.from(text, (byte) => (byte === " " ? "+" : escaped(byte))).join("");
}
