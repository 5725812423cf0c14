import type { Disguise } from "../probe/disguise.ts";

/**
 * Returns requests that lie about the host. tailscaled hands the client's own Host on as `X-Forwarded-Host`, and picks
 * the handler by the TLS server name alone, so each of these reaches the public handler.
 * Source: https://github.com/tailscale/tailscale/blob/v1.102.5/ipn/ipnlocal/serve.go
 */
export function hostDisguises({ host, port }: { readonly host: string; readonly port: number }): Disguise[] {
  const short = host.split(".")[0] ?? host;
  const upper = host.toUpperCase();
  // What a gate may compare with, from the copied recipe outwards.
  const names = [
    `${host}:${port}`,
    `${upper}:${port}`,
    `${host}.:${port}`,
    `${host}:10000`,
    `${host}:443`,
    `${host}.`,
    upper,
    `${short}:${port}`,
    short,
    `localhost:${port}`,
    "localhost",
    `127.0.0.1:${port}`,
    "127.0.0.1",
    `[::1]:${port}`,
    `100.64.0.1:${port}`,
    "100.64.0.1",
    `invalid:${port}`,
    "",
  ];
  const [plain, shouted] = names;
  const elsewhere = [plain, shouted, `localhost:${port}`].filter((name) => name !== undefined);
  return [...unique(names).map(inHost), ...unique(elsewhere).map(inAuthority), ...unique(elsewhere).map(inTarget)];
}

function inHost(name: string): Disguise {
  return { label: name === "" ? "an empty Host" : `Host: ${name}`, protocol: "h1", authority: name, headers: [] };
}

function inAuthority(name: string): Disguise {
  return { label: `:authority ${name} in HTTP/2`, protocol: "h2", authority: name, headers: [] };
}

function inTarget(name: string): Disguise {
  return { label: `https://${name}/… as the request target`, protocol: "h1", absolute: name, headers: [] };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
