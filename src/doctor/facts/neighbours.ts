import { TsmcpError } from "../../core/errors.ts";
import { readNetwork } from "../../tailscale/local-api.ts";
import type { Network } from "../../tailscale/network.ts";
import type { MachineContext } from "../context.ts";
import { observation } from "../observation.ts";
import { daemonAnswer } from "./node-status.ts";

const networkTimeoutMs = 3_000;

/** The nodes that this one sees; undefined where no tailscaled tells. */
export const neighbours = observation(async (machine: MachineContext): Promise<Network | undefined> => {
  const daemon = await daemonAnswer(machine);
  if (daemon.kind === "silent") return undefined;
  const { socket } = daemon;
  return readNetwork({ socket, timeoutMs: networkTimeoutMs, signal: machine.signal }).catch((error: unknown) => {
    if (error instanceof TsmcpError && !machine.signal.aborted) return undefined;
    throw error;
  });
});

/** Whether this node's tailnet has the name: under its own suffix, or shared with it by another tailnet. */
export async function isKnownName(machine: MachineContext, host: string): Promise<boolean> {
  const daemon = await daemonAnswer(machine);
  if (daemon.kind === "silent") return false;
  const { magicDnsSuffix } = daemon.status;
  if (magicDnsSuffix !== undefined && host.endsWith(`.${magicDnsSuffix}`)) return true;
  return (await addressesOf(machine, host)).length > 0;
}

/** Returns the tailnet addresses of the node of this name; none where it is not known. */
export async function addressesOf(machine: MachineContext, host: string): Promise<readonly string[]> {
  const network = await neighbours(machine);
  return network?.nodes.find(({ dnsName }) => dnsName === host)?.ips ?? [];
}
