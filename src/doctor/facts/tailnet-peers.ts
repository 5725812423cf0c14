import { TsmcpError } from "../../core/errors.ts";
import { readPeers } from "../../tailscale/local-api.ts";
import type { MachineContext } from "../context.ts";
import { observation } from "../observation.ts";
import { daemonAnswer } from "./node-status.ts";

/** A node that this one may see, or this one itself. */
export interface KnownNode {
  readonly name: string;
  readonly ips: readonly string[];
}

const askTimeoutMs = 3_000;

/** The nodes of the tailnet as this machine's tailscaled has them; none where there is none to ask. */
export const tailnetNodes = observation(async (context: MachineContext): Promise<readonly KnownNode[]> => {
  const daemon = await daemonAnswer(context);
  if (daemon.kind === "silent") return [];
  const { self } = daemon.status;
  try {
    const peers = await readPeers({ socket: daemon.socket, timeoutMs: askTimeoutMs, signal: context.signal });
    const known = peers.map(({ dnsName, ips }) => ({ name: dnsName, ips }));
    return self === undefined ? known : [{ name: self.dnsName, ips: self.ips }, ...known];
  } catch (error) {
    if (!(error instanceof TsmcpError) || context.signal.aborted) throw error;
    return [];
  }
});
