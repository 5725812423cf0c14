import type { Header } from "../../net/http-message.ts";

/** A request with another one in its body, for servers that leave a body unread or take its end for another place. */
export interface Vector {
  /** "when it sends …". */
  readonly label: string;
  readonly method: string;
  /** In the place of the server's own. */
  readonly path?: string;
  /** Beside, or in the place of, the ordinary ones. */
  readonly headers?: readonly Header[];
  readonly isChunked?: true;
  /** What comes before the inner request. */
  readonly before?: string;
  /** Where the inner request stands again and again: at these bytes, with blanks between. */
  readonly at?: readonly number[];
  /** The body comes when the server has begun to answer. */
  readonly isLate?: true;
}

const inside = "another request in its body";

/** What a server may refuse by the head alone. */
const refusals: readonly Header[] = [
  ["Content-Type", "text/plain"],
  ["Content-Type", "application/x-www-form-urlencoded"],
  ["Accept", "text/html"],
  ["Origin", "https://attacker.example"],
  ["Authorization", "Bearer tsmcp-doctor"],
  ["Mcp-Session-Id", "tsmcp-doctor"],
  ["MCP-Protocol-Version", "1999-01-01"],
  ["Expect", "100-continue"],
];

/**
 * What can pass tailscaled, which writes every request anew: no length that disagrees with another, no chunk that
 * is not one, no folded line. So what is left is a body, and headers that only look like framing.
 * Source: Go `net/http` readTransfer and `httputil.ReverseProxy`; run on tailscaled 1.102.5.
 */
export const vectors: readonly Vector[] = [
  ...["GET", "DELETE", "OPTIONS", "HEAD", "PUT", "PATCH", "PROPFIND", "POST"].flatMap((method): Vector[] => [
    { label: `${method} with ${inside}`, method },
    { label: `${method} with ${inside}, in chunks`, method, isChunked: true },
  ]),
  ...["/", "/tsmcp-doctor", "/.well-known/oauth-protected-resource"].flatMap((path): Vector[] => [
    { label: `POST ${path} with ${inside}`, method: "POST", path },
    { label: `POST ${path} with ${inside}, in chunks`, method: "POST", path, isChunked: true },
  ]),
  ...refusals.map(
    ([name, value]): Vector => ({
      label: `${name}: ${value} and ${inside}`,
      method: "POST",
      headers: [[name, value]],
    }),
  ),
  { label: `Content_Length: 0 and ${inside}`, method: "POST", headers: [["Content_Length", "0"]] },
  {
    label: `Transfer_Encoding: chunked and ${inside}`,
    method: "POST",
    headers: [["Transfer_Encoding", "chunked"]],
    before: "0\r\n\r\n",
  },
  {
    label: `X-Http-Method-Override: GET and ${inside}`,
    method: "POST",
    headers: [["X-HTTP-Method-Override", "GET"]],
  },
  { label: `a long body with ${inside}`, method: "POST", at: [1 << 12, 1 << 13, 1 << 14, 1 << 15] },
  { label: `a longer body with ${inside}`, method: "POST", at: [1 << 16, 100_000, 100 << 10, 1 << 17, 1 << 18] },
  { label: `a body of more than a megabyte with ${inside}`, method: "POST", at: [1_000_000, 1 << 20] },
  { label: `a late body with ${inside}`, method: "POST", isLate: true },
  { label: `GET with a late body and ${inside}`, method: "GET", isLate: true },
];
