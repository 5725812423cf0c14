import { TsmcpError } from "../core/errors.ts";
import { Secret } from "../core/secrets.ts";
import { isExempt } from "./no-proxy.ts";

/** Names are resolved at the proxy in every protocol: a machine without a TUN cannot resolve tailnet names itself. */
export type ProxyProtocol = "http" | "https" | "socks5h" | "socks4a";

/** A proxy that opens TCP streams for us. */
export interface ProxyEndpoint {
  readonly protocol: ProxyProtocol;
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: Secret;
}

const protocols: Readonly<Record<string, ProxyProtocol>> = {
  http: "http",
  https: "https",
  socks: "socks5h",
  socks5: "socks5h",
  socks5h: "socks5h",
  socks4: "socks4a",
  socks4a: "socks4a",
};

/** As in curl: 443 for `https`, else 1080. Source: https://curl.se/docs/manpage.html#-x */
const defaultPorts: Readonly<Record<ProxyProtocol, number>> = { http: 1080, https: 443, socks5h: 1080, socks4a: 1080 };

/**
 * Returns the proxy that `text` names: `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`, with `http` as the scheme when there is none.
 * Throws `usage-invalid`, which names `label` (an option or a variable) and never shows user or password.
 */
export function parseProxyUrl(text: string, label: string): ProxyEndpoint {
  const shown = JSON.stringify(text.replace(/(^|\/\/)[^/]*@/, "$1[secret]@"));
  const invalid = (reason: string): TsmcpError =>
    new TsmcpError({
      code: "usage-invalid",
      message: `${label}: ${shown} is not a proxy: ${reason}`,
      hint: "write a proxy as http://HOST:PORT or socks5h://HOST:PORT",
    });
  const [, scheme = "http", rest = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text.trim()) ?? [];
  const protocol = protocols[scheme.toLowerCase()];
  if (protocol === undefined) throw invalid(`expected one of ${Object.keys(protocols).join(", ")} before "://"`);
  // A scheme that URL does not know, because it drops a port that is the default of one it knows.
  const url = parseUrl(`proxy://${rest}`);
  if (url === undefined || url.hostname === "") throw invalid("expected HOST:PORT");
  if (!["", "/"].includes(url.pathname) || url.search !== "" || url.hash !== "") throw invalid("it has a path");
  const port = url.port === "" ? defaultPorts[protocol] : Number(url.port);
  if (port === 0) throw invalid("port 0 cannot be dialed");
  const host = decoded(url.hostname)?.replace(/^\[(.*)\]$/, "$1");
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (host === undefined || username === undefined || password === undefined) throw invalid("malformed % escape");
  if (/[\u0000-\u0020\u007f]/.test(host)) throw invalid("the host holds a space or control character");
  return {
    protocol,
    host,
    port,
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password: new Secret(password, label) }),
  };
}

/** Returns `http://127.0.0.1:1055`, without user and password, for messages. */
export function describeProxy(proxy: ProxyEndpoint): string {
  return `${proxy.protocol}://${proxy.host.includes(":") ? `[${proxy.host}]` : proxy.host}:${proxy.port}`;
}

/** What a dial goes to, as far as the choice of a proxy depends on it. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/**
 * Returns the proxy that the environment sets for `target`, as curl reads it: `https_proxy`, `HTTPS_PROXY` or
 * `http_proxy` (lower case only: CGI servers set `HTTP_PROXY` from a request header), then `all_proxy`, `ALL_PROXY`;
 * none where `no_proxy` or `NO_PROXY` exempts it. An empty variable counts as unset.
 * Throws `usage-invalid` when the one that counts is malformed.
 * Source: https://curl.se/docs/manpage.html#ENVIRONMENT
 */
export function proxyFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  target: ProxyTarget,
): ProxyEndpoint | undefined {
  const names = target.tls ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"];
  const name = [...names, "all_proxy", "ALL_PROXY"].find((candidate) => env[candidate]);
  const text = name === undefined ? undefined : env[name];
  if (name === undefined || text === undefined) return undefined;
  if (isExempt(env.no_proxy || env.NO_PROXY || "", target)) return undefined;
  return parseProxyUrl(text, name);
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
