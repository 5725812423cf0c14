import { TsmcpError } from "../core/errors.ts";
import { freePort, isListening, ownerOfPort } from "../net/listening.ts";
import { type ListenAddress, listenText } from "../tailscale/daemon-arguments.ts";
import type { UpFacts } from "./facts.ts";
import type { UpRequest } from "./request.ts";

/** Returns whether the daemon's proxy is where it is wanted. An address that was not asked for is only where a new proxy would start. */
export function hasWantedProxy({ proxy }: UpFacts, request: UpRequest): boolean {
  if (proxy === undefined || !request.proxyIsExplicit) return true;
  const { host, port } = request.proxy;
  return proxy.address.host === host && (port === 0 || proxy.address.port === port);
}

/**
 * Returns where a new daemon's proxy is to listen. An address that an earlier run of this boot used is used again, so
 * that what was told it still works. Throws `proxy-port-taken`.
 */
export async function chooseAddress(facts: UpFacts, request: UpRequest): Promise<ListenAddress> {
  const wanted = wantedAddress(facts, request);
  if (wanted.port === 0) {
    const before = facts.record?.proxy;
    if (before !== undefined && before.host === wanted.host && !(await isListening(before))) return before;
    return { host: wanted.host, port: await freePort(wanted.host) };
  }
  if (await isListening(wanted)) throw portTaken(wanted);
  return wanted;
}

/** Throws `proxy-port-taken` where that is known while the daemon that is to be replaced still runs. */
export async function requireFreeAddress(facts: UpFacts, request: UpRequest): Promise<void> {
  const wanted = wantedAddress(facts, request);
  const before = facts.daemon.kind === "none" ? undefined : facts.record?.proxy;
  const isItsOwn = before !== undefined && listenText(before) === listenText(wanted);
  if (wanted.port !== 0 && !isItsOwn && (await isListening(wanted))) throw portTaken(wanted);
}

/** Returns the error for an address that somebody has, who is named where the system tells. */
export function portTaken(address: ListenAddress): TsmcpError {
  const owner = ownerOfPort(address.port);
  const who =
    "pid" in owner
      ? `by process ${owner.pid} (${owner.command})`
      : `by a process that cannot be told: ${owner.unknown}`;
  return new TsmcpError({
    code: "proxy-port-taken",
    message: `the proxy's address ${listenText(address)} is taken ${who}`,
    hint: `end that process, or pass --proxy ${listenText({ ...address, port: 0 })} to have a free port chosen`,
    facts: { address: listenText(address), ...("pid" in owner ? { pid: owner.pid, command: owner.command } : {}) },
  });
}

function wantedAddress({ record }: UpFacts, request: UpRequest): ListenAddress {
  return request.proxyIsExplicit ? request.proxy : (record?.proxy ?? request.proxy);
}
