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
  const { host, tailnetHost, port } = inside;
  const names = unique([...likelyNames(inside), ...otherNames(inside)]);
  const main = `${tailnetHost}:${port}`;
  const everything = disguisedAs(fromInside(inside), asSomebody(inside));
  const bundled = [main, `localhost:${port}`, inside.serverAddresses[0] ?? "100.64.0.1", host].map((name) =>
    disguisedAs(inHost(name), everything),
  );
  return [
    ...names.map((name): Ruse => ({ disguise: inHost(name), isDeep: true })),
    ...bundled.map((disguise): Ruse => ({ disguise, isDeep: true })),
    ...[main, main.toUpperCase(), `localhost:${port}`].flatMap((name): Ruse[] => [
      { disguise: inAuthority(name) },
      { disguise: inTarget(name) },
    ]),
    { disguise: { ...inHost(main), label: `Host: ${main} in HTTP/1.1`, protocol: "h1" } },
    { disguise: { label: "an empty Host", protocol: "h1", authority: "", headers: [] } },
    { disguise: { label: "no Host, in HTTP/1.0", protocol: "h1.0", authority: "", headers: [] }, isDeep: true },
  ];
}

/** What a gate may compare with, from the copied recipe outwards. */
function likelyNames({ host, tailnetHost, port, serverAddresses }: Inside): string[] {
  const short = firstLabel(tailnetHost);
  const [v4 = "100.64.0.1", v6 = "fd7a:115c:a1e0::1"] = serverAddresses;
  return [
    `${tailnetHost}:${port}`,
    `${host}:${port}`,
    ...(host === tailnetHost ? [] : [tailnetHost]),
    `localhost:${port}`,
    "localhost",
    `127.0.0.1:${port}`,
    "127.0.0.1",
    short,
    `${short}:${port}`,
    v4,
    `${v4}:${port}`,
    `[${v6}]:${port}`,
    `[::1]:${port}`,
  ];
}

function otherNames({ host, tailnetHost, port }: Inside): string[] {
  const suffix = tailnetHost.split(".").slice(1).join(".") || tailnetHost;
  return [
    `${host.toUpperCase()}:${port}`,
    `${host}.:${port}`,
    `${host}.`,
    `${host}:10000`,
    `private.${suffix}:${port}`,
    `private.${suffix}`,
    "mcp.internal",
    "mcp.local",
    `192.168.1.10:${port}`,
    "10.0.0.10",
    `invalid:${port}`,
  ];
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

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
