import type { Header } from "../../net/http-message.ts";
import type { Disguise } from "../probe/disguise.ts";

interface Place {
  readonly host: string;
  readonly port: number;
}

const login = "admin@example.com";

const identity: readonly Header[] = [
  ["Tailscale-User-Login", login],
  ["Tailscale-User-Name", "Admin"],
  ["Tailscale-User-Profile-Pic", "https://example.com/admin.png"],
  ["Tailscale-Headers-Info", "https://tailscale.com/s/serve-headers"],
];

/** `*` stands in for a capability whose name cannot be known from here. */
const capabilities: readonly Header[] = [
  [
    "Tailscale-App-Capabilities",
    '{"*":[{"tools":["*"],"resources":["*"]}],"example.com/cap/mcp":[{"tools":["*"],"resources":["*"]}]}',
  ],
  ["Tailscale-Funnel-Request", "?0"],
];

const strangersIdentity: readonly Header[] = [
  ["X-Tailscale-User", login],
  ["X-Tailscale-User-Login", login],
  ["X-Tailscale-Login", login],
  ["X-Webauth-User", login],
  ["X-Forwarded-User", login],
  ["X-Forwarded-Email", login],
  ["X-Auth-Request-Email", login],
  ["X-Remote-User", login],
  ["Remote-User", login],
];

/**
 * Returns requests that claim to come from a tailnet user. tailscaled removes its own headers from what a client sends,
 * but not their forms with underscores, which some servers fold into the real ones.
 */
export function identityDisguises(): Disguise[] {
  const both = [...identity, ...capabilities];
  return [
    asked("Tailscale-User-Login", identity),
    asked("Tailscale-App-Capabilities", capabilities),
    asked("Tailscale_User_Login", both.map(underscored)),
    asked(
      "Tailscale-User-Login twice",
      identity.flatMap((header) => [header, header]),
    ),
    asked("Tailscale-User-Login named in Connection", [
      ...both,
      ["Connection", "close, Tailscale-User-Login, Tailscale-Funnel-Request, X-Forwarded-For, X-Forwarded-Host"],
    ]),
    asked("X-Tailscale-User and its like", strangersIdentity),
  ];
}

/** For gates that want both. */
export function identityWithHost({ host, port }: Place): Disguise {
  const headers = [...identity, ...capabilities];
  return { ...asked(`Tailscale-User-Login with Host: ${host}:${port}`, headers), authority: `${host}:${port}` };
}

/** Returns requests that claim to have been forwarded from inside. */
export function forwardingDisguises({ host, port }: Place): Disguise[] {
  const from = (address: string): Header[] => [
    ["X-Forwarded-For", address],
    ["X-Real-IP", address],
    ["X-Client-IP", address],
    ["X-Original-Forwarded-For", address],
    ["True-Client-IP", address],
    ["CF-Connecting-IP", address],
    ["Forwarded", `for=${address.includes(":") ? `"[${address}]"` : address};host="${host}:${port}";proto=https`],
  ];
  const to: Header[] = [
    ["X-Forwarded-Host", `${host}:${port}`],
    ["X-Original-Host", `${host}:${port}`],
    ["X-Host", `${host}:${port}`],
    ["X-Forwarded-Server", `${host}:${port}`],
    ["X-Forwarded-Port", String(port)],
    ["X-Forwarded-Proto", "https"],
  ];
  return [
    asked(`X-Forwarded-Host: ${host}:${port}`, to),
    asked("X-Forwarded-For: 100.64.0.1", [...from("100.64.0.1"), ...to]),
    asked("X-Forwarded-For: 127.0.0.1", from("127.0.0.1")),
    asked("X-Forwarded-For: fd7a:115c:a1e0::1", from("fd7a:115c:a1e0::1")),
    asked(`X-Forwarded-Port: ${port}`, [["X-Forwarded-Port", String(port)]]),
    asked("X_Forwarded_Host", [...from("100.64.0.1"), ...to].map(underscored)),
    asked("X-Forwarded-Host twice", [...to, ...to]),
  ];
}

/**
 * A request with more header lines than Node keeps (1,000). tailscaled sends headers sorted by name, so what Node drops
 * is everything after the filler: tailscaled's own marks, and nothing that MCP needs.
 * Source: https://nodejs.org/api/http.html#servermaxheaderscount
 */
export const headerCrowd: Disguise = {
  label: "1,100 more header lines",
  protocol: "h1",
  headers: [],
  // "q" sorts after Accept, Content-Type and Mcp-Session-Id, and before Tailscale-Funnel-Request and X-Forwarded-For.
  filler: { header: ["q", "b"], count: 1_100 },
};

/** For gates that want the right host and no mark. */
export function headerCrowdWithHost({ host, port }: Place): Disguise {
  return { ...headerCrowd, label: `1,100 more header lines and Host: ${host}:${port}`, authority: `${host}:${port}` };
}

function asked(label: string, headers: readonly Header[]): Disguise {
  return { label, protocol: "h1", headers };
}

function underscored([name, value]: Header): Header {
  return [name.replaceAll("-", "_"), value];
}
