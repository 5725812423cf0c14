import type { Socket } from "node:net";
import { authorityOf, type DialTarget } from "./authority.ts";
import type { DialLayer } from "./dial-error.ts";
import { readAnswer } from "./handshake.ts";
import type { ProxyEndpoint } from "./proxy.ts";
import { TunnelRefused } from "./tunnel-refused.ts";

/**
 * Makes `socket`, connected to an HTTP proxy, a tunnel to `target` (RFC 9110 §9.3.6).
 * Throws TunnelRefused with the reason tailscaled gives in `Tailscale-Connect-Error`, else with the status line.
 */
export async function openConnectTunnel(
  socket: Socket,
  { target, proxy, signal }: { target: DialTarget; proxy: ProxyEndpoint; signal: AbortSignal },
): Promise<void> {
  const authority = authorityOf(target);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials(proxy)}\r\n`, "latin1");
  let head = "";
  for (let count = 0; count <= maxInterim; count++) {
    head = (await readAnswer(socket, signal, headLength)).toString("latin1");
    if (!interim.test(head)) break;
  }
  const refusal = judgeAnswer(head);
  if (refusal !== undefined) throw new TunnelRefused(refusal.layer, refusal.reason, refusal);
}

/** "100 Continue" and its like, behind which the answer still comes. Source: RFC 9110 §15.2 */
const interim = /^HTTP\/1\.[01] 1\d\d(?=\s)/;
const maxInterim = 8;

/** A line may end without its carriage return. Source: RFC 9112 §2.2 */
function headLength(bytes: Buffer): number | undefined {
  const [whole, bare] = [bytes.indexOf("\n\r\n"), bytes.indexOf("\n\n")];
  if (whole >= 0 && (bare < 0 || whole < bare)) return whole + 3;
  if (bare >= 0) return bare + 2;
  // What cannot become a status line any more is not waited for.
  if (bytes.length >= 5 && bytes.toString("latin1", 0, 5) !== "HTTP/") return bytes.length;
  return undefined;
}

/** Returns why the proxy's answer is no tunnel, or undefined when it is one. */
export function judgeAnswer(head: string): { layer: DialLayer; reason: string; byTailscale?: boolean } | undefined {
  const [statusLine = "", ...lines] = head.split(/\r?\n/);
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1] ?? Number.NaN);
  if (status >= 200 && status < 300) return undefined;
  if (Number.isNaN(status)) return { layer: "proxy", reason: "it does not answer as an HTTP proxy" };
  const told = lines.map((line) => /^tailscale-connect-error:\s*(.*)$/i.exec(line)?.[1]).find((reason) => reason);
  if (told !== undefined)
    return { layer: isNameReason(told) ? "name" : "connect", reason: told.trim(), byTailscale: true };
  const reason = `it answered ${JSON.stringify(statusLine.slice(0, 200))}`;
  return { layer: status === 407 || status === 403 || status === 405 ? "proxy" : "connect", reason };
}

/** The words of Go's net.DNSError, the only form in which tailscaled tells. Source: cmd/tailscaled/proxy.go */
function isNameReason(reason: string): boolean {
  return /(^|[\s:])lookup |no such host/.test(reason);
}

function credentials({ username, password }: ProxyEndpoint): string {
  if (username === undefined && password === undefined) return "";
  const pair = Buffer.from(`${username ?? ""}:${password?.reveal() ?? ""}`, "utf8").toString("base64");
  return `Proxy-Authorization: Basic ${pair}\r\n`;
}
