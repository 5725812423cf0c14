import { isIP, isIPv4, type Socket } from "node:net";
import type { DialTarget } from "./authority.ts";
import type { DialLayer } from "./dial-error.ts";
import { readAnswer } from "./handshake.ts";
import type { ProxyEndpoint } from "./proxy.ts";
import { TunnelRefused } from "./tunnel-refused.ts";

interface SocksRequest {
  readonly target: DialTarget;
  readonly proxy: ProxyEndpoint;
  readonly signal: AbortSignal;
}

/**
 * Makes `socket`, connected to a SOCKS proxy, a tunnel to `target`; the proxy resolves the name.
 * SOCKS5 (RFC 1928, RFC 1929), or SOCKS4a where the proxy is named so. Throws TunnelRefused with the proxy's reason.
 */
export async function openSocksTunnel(socket: Socket, request: SocksRequest): Promise<void> {
  return request.proxy.protocol === "socks4a" ? openSocks4a(socket, request) : openSocks5(socket, request);
}

async function openSocks5(socket: Socket, { target, proxy, signal }: SocksRequest): Promise<void> {
  const hasCredentials = proxy.username !== undefined || proxy.password !== undefined;
  socket.write(Buffer.from(hasCredentials ? [5, 2, 0, 2] : [5, 1, 0]));
  const [version, method] = await readAnswer(socket, signal, () => 2);
  if (version !== 5) throw new TunnelRefused("proxy", "it does not answer as a SOCKS5 proxy");
  if (method === 2 && hasCredentials) await authenticate(socket, proxy, signal);
  else if (method !== 0) throw new TunnelRefused("proxy", "it wants another kind of credentials");
  const port = Buffer.alloc(2);
  port.writeUInt16BE(target.port);
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), socks5Address(target.host), port]));
  const answer = await readAnswer(socket, signal, socks5AnswerLength);
  const refusal = answer[0] === 5 ? socks5Refusals[answer[1] ?? 255] : undefined;
  if (answer[0] === 5 && answer[1] === 0) return;
  const [layer, reason] = refusal ?? ["proxy", `it answered SOCKS5 code ${answer[1]}`];
  throw new TunnelRefused(layer, reason);
}

async function authenticate(socket: Socket, proxy: ProxyEndpoint, signal: AbortSignal): Promise<void> {
  const username = lengthPrefixed(proxy.username ?? "", "user name");
  const password = lengthPrefixed(proxy.password?.reveal() ?? "", "password");
  socket.write(Buffer.concat([Buffer.from([1]), username, password]));
  const [, status] = await readAnswer(socket, signal, () => 2);
  if (status !== 0) throw new TunnelRefused("proxy", "it refuses the user name or password");
}

async function openSocks4a(socket: Socket, { target, proxy, signal }: SocksRequest): Promise<void> {
  const head = Buffer.from([4, 1, 0, 0, 0, 0, 0, 1]);
  head.writeUInt16BE(target.port, 2);
  const name = isIPv4(target.host) ? "" : `${target.host}\0`;
  if (name === "") Buffer.from(target.host.split(".").map(Number)).copy(head, 4);
  socket.write(Buffer.concat([head, Buffer.from(`${proxy.username ?? ""}\0${name}`, "utf8")]));
  const [version, code] = await readAnswer(socket, signal, () => 8);
  if (version !== 0) throw new TunnelRefused("proxy", "it does not answer as a SOCKS4 proxy");
  if (code === 92 || code === 93) throw new TunnelRefused("proxy", "it refuses the user");
  if (code !== 90) throw new TunnelRefused("connect", "it refused or could not connect (SOCKS4 says no more)");
}

/** RFC 1928 §6. tailscaled answers 1 for every failure. */
const socks5Refusals: Readonly<Record<number, readonly [DialLayer, string]>> = {
  1: ["connect", "general failure (SOCKS5 says no more)"],
  2: ["proxy", "its rules forbid this target"],
  3: ["connect", "network unreachable"],
  4: ["connect", "host unreachable"],
  5: ["connect", "connection refused"],
  6: ["connect", "time to live expired"],
  7: ["proxy", "it does not know the command CONNECT"],
  8: ["proxy", "it does not know this kind of address"],
};

function socks5AnswerLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  // A refusal need not carry an address, and some proxies hang up right after the code.
  if (bytes[0] !== 5 || bytes[1] !== 0) return bytes.length;
  if (bytes.length < 5) return undefined;
  const addressBytes = { 1: 4, 3: 1 + (bytes[4] ?? 0), 4: 16 }[bytes[3] ?? 0];
  if (addressBytes === undefined) throw new TunnelRefused("proxy", `it answered address type ${bytes[3]}`);
  return 4 + addressBytes + 2;
}

function socks5Address(host: string): Buffer {
  const family = isIP(host);
  if (family === 4) return Buffer.from([1, ...host.split(".").map(Number)]);
  if (family === 6) return Buffer.concat([Buffer.from([4]), ipv6Bytes(host)]);
  return Buffer.concat([Buffer.from([3]), lengthPrefixed(host, "host name")]);
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes an embedded IPv4 as hexadecimal groups.
  const [left = "", right] = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const head = groups(left);
  const tail = groups(right ?? "");
  const bytes = Buffer.alloc(16);
  head.forEach((group, index) => void bytes.writeUInt16BE(group, index * 2));
  tail.forEach((group, index) => void bytes.writeUInt16BE(group, 16 - (tail.length - index) * 2));
  return bytes;
}

function lengthPrefixed(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 255) throw new TunnelRefused("proxy", `the ${what} is longer than the 255 bytes of SOCKS5`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
