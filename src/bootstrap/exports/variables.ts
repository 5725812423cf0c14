import type { Environment } from "../../core/runtime-directory.ts";
import { type ListenAddress, listenText } from "../../tailscale/daemon-arguments.ts";

export type Variable = readonly [name: string, value: string];

/** The variables by which programs find a proxy. Some read only the one case, some only the other. */
export const proxyVariableNames = [
  "ALL_PROXY",
  "all_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
] as const;

/** Never to be sent through a proxy: what runs on the machine itself. */
export const ownHosts = ["localhost", "127.0.0.1", "::1"] as const;

/** Returns the two URLs of the proxy. Names must be resolved behind it, hence socks5h: MagicDNS is only known there. */
export function proxyUrls(proxy: ListenAddress): { readonly socks: string; readonly http: string } {
  const address = listenText(proxy);
  return { socks: `socks5h://${address}`, http: `http://${address}` };
}

/** Returns every variable of the proxy; NO_PROXY keeps what `env` has there. */
export function proxyVariables(proxy: ListenAddress, env: Environment): readonly Variable[] {
  const { socks, http } = proxyUrls(proxy);
  const noProxy = noProxyValue(env);
  return [
    ...proxyVariableNames.map((name): Variable => [name, name.toLowerCase() === "all_proxy" ? socks : http]),
    ["NO_PROXY", noProxy],
    ["no_proxy", noProxy],
    ["TSMCP_PROXY", http],
  ];
}

/** Returns the variables by which the platform names a proxy of its own; that one has to stay. */
export function foreignProxyVariables(proxy: ListenAddress, env: Environment): readonly string[] {
  const before = env.TSMCP_PROXY ?? "";
  // An earlier step of this job may have had our proxy on another port.
  const earlier = /^http:\/\/(127\.[\d.]+|\[::1\]):\d+$/.test(before)
    ? [before, before.replace("http:", "socks5h:")]
    : [];
  const own: readonly string[] = [...Object.values(proxyUrls(proxy)), ...earlier];
  return proxyVariableNames.filter((name) => (env[name] ?? "") !== "" && !own.includes(env[name] ?? ""));
}

/** Whatever is no host of a list is left out, so that a line break in it cannot become a line of ours. */
function noProxyValue(env: Environment): string {
  const before = `${env.NO_PROXY ?? ""},${env.no_proxy ?? ""}`.split(/[\s,]+/);
  const hosts = before.filter((host) => /^[\x21-\x7e]+$/.test(host));
  return [...new Set([...hosts, ...ownHosts])].join(",");
}
