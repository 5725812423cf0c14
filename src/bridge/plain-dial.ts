import { TsmcpError } from "../core/errors.ts";
import { isLoopbackAddress, isTailnetAddress } from "../net/address.ts";
import { authorityOf } from "../net/authority.ts";
import { type DialOptions, type DialRoute, dial, type Socket } from "../net/dial.ts";
import { dialError } from "../net/dial-error.ts";
import { describeProxy, type ProxyTarget } from "../net/proxy.ts";
import { isThisMachine } from "./route.ts";

/**
 * Dials as `dial` does, for requests that carry what `--header` gave: in plain HTTP those stay on this machine or in the
 * tailnet, which encrypts. Throws `usage-invalid` for a server that is neither, and `dial-failed` while the way that there
 * is leads out (`*.ts.net` is Funnel's name on the internet too).
 */
export async function dialFor(
  headers: readonly unknown[],
  { target, route, options }: { target: ProxyTarget; route: DialRoute; options: DialOptions },
): Promise<Socket> {
  if (target.tls || headers.length === 0) return dial(target, route, options);
  if (!isThisMachine(target.host) && !isOfTailnet(target.host)) throw unencrypted(target);
  const proxy = route === undefined || "connectTo" in route ? undefined : route;
  if (proxy !== undefined && !isThisMachine(proxy.host) && !isTailnetAddress(proxy.host)) {
    throw leadsOut(target, `the proxy ${describeProxy(proxy)} is not on this machine`);
  }
  const socket = await dial(target, route, options);
  const { remoteAddress = "" } = socket;
  if (proxy !== undefined || isTailnetAddress(remoteAddress) || isLoopbackAddress(remoteAddress)) return socket;
  socket.destroy();
  throw leadsOut(target, `its name leads to ${remoteAddress || "an unknown address"}, which is not in the tailnet`);
}

function isOfTailnet(host: string): boolean {
  return host.toLowerCase().replace(/\.$/, "").endsWith(".ts.net") || isTailnetAddress(host);
}

function unencrypted(target: ProxyTarget): TsmcpError {
  return new TsmcpError({
    code: "usage-invalid",
    message: `--header: http://${authorityOf(target)} is not in the tailnet, and everybody on the way there could read the header`,
    hint: "use https, or the server's tailnet address or its name below ts.net",
  });
}

function leadsOut(target: ProxyTarget, why: string): TsmcpError {
  const reason = `--header does not go out in plain HTTP, and ${why}`;
  return dialError({ layer: "connect", reason, target: authorityOf(target) });
}
