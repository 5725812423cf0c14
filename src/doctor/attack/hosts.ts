import { type Disguise, disguisedAs } from "../probe/disguise.ts";
import type { Ruse } from "./attack.ts";
import { fromInside } from "./forwarding.ts";
import { asSomebody } from "./identity.ts";
import type { Inside } from "./inside.ts";

/**
 * Returns requests that lie about the host. tailscaled hands the client's own Host on as `X-Forwarded-Host`, and picks
 * the handler by the TLS server name alone, so each of these reaches the public handler.
 * Source: https://github.com/tailscale/tailscale/blob/v1.102.5/ipn/ipnlocal/serve.go
 */
export function hostRuses(inside: Inside): Ruse[] {
  const { tailnetHost, port } = inside;
  const names = unique([...likelyNames(inside), ...otherNames(inside)]);
  const ruseOf = (name: string, index: number): Ruse => ({ disguise: inHost(name), isStrong: index < strongNames });
  const main = `${tailnetHost}:${port}`;
  const everything = disguisedAs(fromInside(inside), asSomebody(inside));
  const bundled = [main, `localhost:${port}`].map((name) => disguisedAs(inHost(name), everything));
  const [first, ...rest] = names.map(ruseOf);
  return [
    ...(first === undefined ? [] : [first]),
    ...bundled.map((disguise): Ruse => ({ disguise, isStrong: true, beyond: everything })),
    { disguise: { label: "an empty Host", protocol: "h1", authority: "", headers: [] } },
    ...rest,
    ...[main, `localhost:${port}`].flatMap((name): Ruse[] => [
      { disguise: inAuthority(name) },
      { disguise: inTarget(name) },
    ]),
    { disguise: { ...inHost(main), label: `Host: ${main} in HTTP/1.1`, protocol: "h1" } },
    { disguise: { label: "no Host, in HTTP/1.0", protocol: "h1.0", authority: "", headers: [] } },
  ];
}

/** Those of the copied recipe and its first mends. */
const strongNames = 4;

/** What a gate may compare with, from the copied recipe outwards. */
function likelyNames({ host, tailnetHost, port, serverAddresses }: Inside): string[] {
  const short = firstLabel(tailnetHost);
  const suffix = suffixOf(tailnetHost);
  const [v4 = "100.64.0.1", v6 = "fd7a:115c:a1e0::1"] = serverAddresses;
  return [
    `${tailnetHost}:${port}`,
    `${host}:${port}`,
    ...(host === tailnetHost ? [] : [tailnetHost]),
    `localhost:${port}`,
    "localhost",
    short,
    `${v4}:${port}`,
    v4,
    `private.${suffix}`,
    `[::1]:${port}`,
    "192.168.1.10",
    "mcp.internal",
    "127.0.0.1",
    `${short}:${port}`,
    `127.0.0.1:${port}`,
    `[${v6}]:${port}`,
  ];
}

function otherNames({ host, port }: Inside): string[] {
  return [`${host.toUpperCase()}:${port}`, `${host}.:${port}`, "mcp.local", `10.0.0.10:${port}`];
}

function inHost(name: string): Disguise {
  return { label: `Host: ${name}`, protocol: "auto", authority: name, headers: [] };
}

function inAuthority(name: string): Disguise {
  return { label: `:authority ${name} in HTTP/2`, protocol: "h2", authority: name, headers: [] };
}

function inTarget(name: string): Disguise {
  return { label: `https://${name}/… as the request target`, protocol: "h1", absolute: name, headers: [] };
}

function firstLabel(host: string): string {
  return host.split(".")[0] ?? host;
}

function suffixOf(host: string): string {
  return host.split(".").slice(1).join(".") || host;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
