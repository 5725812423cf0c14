import type { Header } from "../../net/http-message.ts";
import type { Disguise } from "../probe/disguise.ts";
import type { Ruse } from "./attack.ts";
import type { Inside } from "./inside.ts";
import { doubled, underscored } from "./spelling.ts";

/** What proxies, clouds and frameworks call the address of the client. tailscaled replaces the first alone. */
const addressHeaders = [
  "X-Forwarded-For",
  "X-Real-IP",
  "X-Client-IP",
  "X-Cluster-Client-IP",
  "X-Original-Forwarded-For",
  "X-Originating-IP",
  "X-Remote-IP",
  "X-Remote-Addr",
  "X-Envoy-External-Address",
  "X-Azure-ClientIP",
  "X-Tailscale-IP",
  "Remote-Addr",
  "Client-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
  "Fastly-Client-IP",
  "Fly-Client-IP",
  "Forwarded-For",
];

/** What says by itself that a request comes from inside; home-made gates have such names. */
const insideHeaders: readonly Header[] = [
  ["X-Internal", "1"],
  ["X-Internal-Request", "true"],
  ["X-From-Tailnet", "true"],
  ["X-Tailnet", "true"],
  ["X-Private", "true"],
  ["X-Trusted", "true"],
  ["X-Forwarded-Scheme", "http"],
];

/**
 * Returns requests that claim to have been forwarded from inside. tailscaled replaces X-Forwarded-For, -Host and -Proto, and
 * passes on every other header, and the replaced ones too where they are spelt with underscores.
 */
export function forwardingRuses(inside: Inside): Ruse[] {
  const [v4 = "100.64.0.1", v6 = "fd7a:115c:a1e0::1"] = inside.callerAddresses;
  const to = placeHeaders(inside);
  const from = (address: string): Header[] => sourceHeaders(address, inside);
  const port = String(inside.port);
  return [
    { disguise: fromInside(inside), isStrong: true },
    { disguise: asked("127.0.0.1 as the client's address", [...from("127.0.0.1"), ...to]), isStrong: true },
    { disguise: asked(`X-Real-IP: ${v6}`, from(v6)) },
    { disguise: asked("X-Real-IP: 192.168.1.10", from("192.168.1.10")) },
    { disguise: asked("X_Forwarded_For", [...from(v4), ...to].map(underscored)) },
    { disguise: doubled(asked("X-Real-IP and X-Forwarded-Host", [...from(v4), ...to])) },
    { disguise: asked(`X-Forwarded-Host: ${inside.tailnetHost}:${port}`, to) },
    { disguise: asked(`X-Real-IP: ${v4}`, [...from(v4), ...insideHeaders]) },
    { disguise: asked("X-Real-IP: 127.0.0.1", from("127.0.0.1")) },
    ...inside.serverAddresses.slice(0, 1).map((own): Ruse => ({ disguise: asked(`X-Real-IP: ${own}`, from(own)) })),
    { disguise: asked("X_Forwarded_For: 127.0.0.1", from("127.0.0.1").map(underscored)) },
  ];
}

/** Every forwarding header at once, for gates that want several. */
export function fromInside(inside: Inside): Disguise {
  const [v4 = "100.64.0.1"] = inside.callerAddresses;
  return asked(`X-Forwarded-For: ${v4} and its like`, [
    ...sourceHeaders(v4, inside),
    ...placeHeaders(inside),
    ...insideHeaders,
  ]);
}

function sourceHeaders(address: string, { tailnetHost, port }: Inside): Header[] {
  const quoted = address.includes(":") ? `"[${address}]"` : address;
  return [
    ...addressHeaders.map((name): Header => [name, address]),
    ["Forwarded", `for=${quoted};host="${tailnetHost}:${port}";proto=https`],
    ["Via", `1.1 ${tailnetHost}:${port}`],
  ];
}

function placeHeaders({ tailnetHost, port, path }: Inside): Header[] {
  const end = `${tailnetHost}:${port}`;
  return [
    ["X-Forwarded-Host", end],
    ["X-Original-Host", end],
    ["X-Host", end],
    ["X-HTTP-Host-Override", end],
    ["X-Forwarded-Server", end],
    ["X-Forwarded-Port", String(port)],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Scheme", "https"],
    ["X-Server-Port", String(port)],
    ["X-Original-URL", path],
    ["X-Rewrite-URL", path],
    ["X-Forwarded-Prefix", path],
    ["Origin", `https://${end}`],
    ["Referer", `https://${end}${path}`],
    ["Sec-Fetch-Site", "same-origin"],
  ];
}

function asked(label: string, headers: readonly Header[]): Disguise {
  return { label, protocol: "auto", headers };
}
