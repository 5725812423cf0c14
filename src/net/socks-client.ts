import { request } from "node:http";
import { messageOf } from "../core/errors.ts";
import { authorityOf, type DialTarget } from "./authority.ts";
import { startDeadline } from "./deadline.ts";
import { dialError } from "./dial-error.ts";
import { describeProxy, type ProxyEndpoint } from "./proxy.ts";

/**
 * Proves that a program that reads `ALL_PROXY=socks5h://…` reaches `target`: dials with `socks-proxy-agent`, which such
 * programs use, and closes the connection without a byte. Our own paths use `dial`.
 * Throws `dial-failed`, whose facts tell the reason in the library's words, or the reason of `signal`.
 */
export async function tryAsSocksClient(
  target: DialTarget,
  proxy: ProxyEndpoint,
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<void> {
  const { SocksProxyAgent } = await import("socks-proxy-agent");
  const proxyName = describeProxy({ ...proxy, protocol: "socks5h" });
  const agent = new SocksProxyAgent(proxyName, { timeout: options.timeoutMs });
  const deadline = startDeadline(options);
  const attempt = request({ agent, host: target.host, port: target.port, method: "HEAD", signal: deadline.signal });
  try {
    await new Promise<void>((resolve, reject) => {
      attempt.once("error", reject);
      // The agent hands the socket over when the proxy has connected; nothing has been written yet.
      attempt.once("socket", () => resolve());
    });
  } catch (error) {
    if (deadline.signal.aborted && !deadline.expired) throw deadline.signal.reason;
    const reason = deadline.expired ? `no answer within ${options.timeoutMs} ms` : messageOf(error);
    throw dialError({ layer: "proxy", reason, target: authorityOf(target), proxy: proxyName, cause: error });
  } finally {
    attempt.on("error", () => {});
    attempt.destroy();
    agent.destroy();
    deadline.stop();
  }
}
