import type { IncomingMessage } from "node:http";
import { isLoopbackAddress } from "../net/address.ts";
import type { ListenAddress } from "../net/http-server.ts";
import { readStatus } from "../tailscale/local-api.ts";

/** Returns why a request may not be answered by the admin listener; undefined for one of this machine's own. */
export type AdminReach = (request: Pick<IncomingMessage, "rawHeaders">) => Promise<string | undefined>;

/** tailscaled answers from memory. */
const statusTimeoutMs = 2_000;

/**
 * Guards a listener that is meant for this machine alone. What a proxy hands on is refused, Serve and Funnel mark all that
 * they do. A port is more open than a socket: a page in a browser gets there under a name of its own (DNS rebinding), and
 * the tailnet where tailscaled has no TUN. `usesTun` is what is known of that so far.
 */
export function createAdminReach(options: {
  readonly listen: ListenAddress;
  /** tailscaled's. */
  readonly socket: string;
  readonly usesTun?: boolean | undefined;
}): AdminReach {
  const { listen, socket } = options;
  let { usesTun } = options;
  const lookAgain = async (): Promise<void> => {
    try {
      usesTun = (await readStatus({ socket, timeoutMs: statusTimeoutMs })).usesTun;
    } catch {
      // One that does not answer is as it was.
    }
  };
  return async ({ rawHeaders }) => {
    const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    if (names.some(isProxys)) return "a proxy handed this on, and it is for this machine alone";
    if (listen.kind === "unix") return undefined;
    const hosts = rawHeaders.filter((_, at) => at % 2 === 1 && names[(at - 1) / 2] === "host");
    const [host = ""] = hosts;
    if (hosts.length > 1 || !isThisMachine(host)) return "the host has another name than this machine";
    await lookAgain();
    return usesTun === true ? undefined : "the tailnet may reach this port: name a socket as gateway.listen.admin";
  };
}

function isProxys(name: string): boolean {
  return /^(forwarded|via|x-real-ip|x-forwarded-.*|tailscale-.*)$/.test(name);
}

function isThisMachine(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || isLoopbackAddress(name);
}
