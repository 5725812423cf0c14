import { deletedMarks, type MarkRules, marksOf, type Origin } from "./marks.ts";

type Header = readonly [name: string, value: string];

/** What came from a client, whichever version of HTTP it spoke. */
export interface ClientRequest {
  readonly method: string;
  /** `Host`, `:authority`, or what an absolute-form target says. */
  readonly host: string;
  /** In the order and spelling in which they came. */
  readonly headers: readonly Header[];
  readonly body: ClientBody;
}

/** `none` is also a declared length of 0. */
export type ClientBody =
  | { readonly kind: "none" }
  | { readonly kind: "sized"; readonly length: string }
  | { readonly kind: "unsized" };

/**
 * Returns the lines that reach the backend, in their order: Host, User-Agent and framing, then the rest by name.
 * Source: Go `httputil.ReverseProxy` and `http.Request.write`, tailscale `ipn/ipnlocal/serve.go` reverseProxy.
 */
export function backendHeaders(
  request: ClientRequest,
  place: {
    readonly origin: Origin;
    readonly rules: MarkRules;
    readonly acceptAppCaps: readonly string[];
    readonly isUnixSocket: boolean;
  },
): Header[] {
  const canonical = request.headers.map(([name, value]): Header => [canonicalName(name), value]);
  const upgrade = upgradeOf(canonical);
  const named = new Set(tokensOf(canonical, "Connection").map(canonicalName));
  const gone = new Set([...hopByHop, ...forwarding, ...framing, "Host", ...named, ...deletedMarks(place.rules)]);
  const agent = canonical.find(([name]) => name === "User-Agent")?.[1] ?? "";
  const kept = canonical.filter(([name]) => !gone.has(name) && name !== "User-Agent");
  const added: Header[] = [
    ...(tokensOf(canonical, "Te").includes("trailers") ? [["Te", "trailers"] as const] : []),
    ...(upgrade === undefined
      ? []
      : ([
          ["Connection", "Upgrade"],
          ["Upgrade", upgrade],
        ] as const)),
    ["X-Forwarded-For", place.origin.address],
    ["X-Forwarded-Host", request.host],
    ["X-Forwarded-Proto", "https"],
    ...marksOf(place.origin, place),
  ];
  const rest = [...kept, ...added].toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  return [
    ["Host", place.isUnixSocket ? "localhost" : request.host],
    ...(agent === "" || named.has("User-Agent") ? [] : [["User-Agent", agent] as const]),
    ...framingOf(request),
    ...rest,
    ...(asksForGzip(request.method, canonical) ? [["Accept-Encoding", "gzip"] as const] : []),
  ];
}

/** Returns whether Go asks the backend for gzip by itself, and then unpacks it. Source: Go `net/http` persistConn.roundTrip. */
export function asksForGzip(method: string, headers: readonly Header[]): boolean {
  const has = (wanted: string): boolean =>
    headers.some(([name, value]) => canonicalName(name) === wanted && value !== "");
  return method !== "HEAD" && !has("Accept-Encoding") && !has("Range");
}

/** Returns a header's name as Go writes it: a capital after each dash; with other than token characters as it is. */
export function canonicalName(name: string): string {
  if (!isToken(name)) return name;
  return name
    .toLowerCase()
    .replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => `${dash}${letter.toUpperCase()}`);
}

/** RFC 9110 § 5.6.2. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** What concerns one connection only. Source: Go `httputil` hopHeaders. */
export const hopByHop = [
  "Connection",
  "Proxy-Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "Te",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
];
const forwarding = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"];
const framing = ["Content-Length", "Transfer-Encoding"];

function framingOf({ method, body }: ClientRequest): Header[] {
  switch (body.kind) {
    case "sized":
      return [["Content-Length", body.length]];
    case "unsized":
      return [["Transfer-Encoding", "chunked"]];
    case "none":
      return method === "POST" || method === "PUT" || method === "PATCH" ? [["Content-Length", "0"]] : [];
  }
}

function upgradeOf(headers: readonly Header[]): string | undefined {
  const isAsked = tokensOf(headers, "Connection").some((token) => token.toLowerCase() === "upgrade");
  return isAsked ? headers.find(([name]) => name === "Upgrade")?.[1] || undefined : undefined;
}

function tokensOf(headers: readonly Header[], wanted: string): string[] {
  return headers
    .filter(([name]) => name === wanted)
    .flatMap(([, value]) => value.split(","))
    .map((token) => token.trim())
    .filter((token) => token !== "");
}
