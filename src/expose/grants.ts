import { TsmcpError } from "../core/errors.ts";
import { readPeers, readWhois } from "../tailscale/local-api.ts";
import type { NodeSelf } from "../tailscale/status.ts";
import { type ExposeRequest, type ExposeWorld, tailnetPort } from "./request.ts";

/** Whether anybody else has what the gateway goes by. */
export interface Grants {
  readonly capability: string;
  /** Nodes that were asked about. */
  readonly peers: number;
  readonly holders: number;
}

/** tailscaled answers from memory, in a millisecond each. */
const askTimeoutMs = 3_000;
const maxPeers = 200;

/**
 * Returns how many nodes were granted the capability on this one; undefined where the gateway goes by none, or tailscaled does not
 * tell.
 */
export async function findGrants(request: ExposeRequest, world: ExposeWorld): Promise<Grants | undefined> {
  const { capability, socket } = request;
  if (capability === undefined) return undefined;
  const api = { socket, timeoutMs: askTimeoutMs, signal: world.signal };
  try {
    const ips = (await readPeers(api)).flatMap(({ ips: [ip] }) => ip ?? []).slice(0, maxPeers);
    let holders = 0;
    for (const ip of ips) {
      const granted = (await readWhois(api, ip))?.capabilities[capability] ?? [];
      if (granted.length > 0) holders += 1;
    }
    return { capability, peers: ips.length, holders };
  } catch (error) {
    world.signal.throwIfAborted();
    if (!(error instanceof TsmcpError)) throw error;
    return undefined;
  }
}

/** Returns what to add to the policy where nobody has the capability; it may be meant for nodes that are yet to join. */
export function grantNotes(grants: Grants | undefined, self: NodeSelf | undefined): readonly string[] {
  if (grants === undefined || grants.holders > 0) return [];
  const { capability, peers } = grants;
  const grant = {
    src: ["autogroup:member"],
    dst: [self?.tags[0] ?? self?.ips[0] ?? "*"],
    ip: [`tcp:${tailnetPort}`],
    app: { [capability]: [{ tools: ["*"], resources: ["*"], prompts: ["*"] }] },
  };
  return [
    `of ${peers} other nodes none has been granted ${capability}, so only rules of the gateway let anybody see a tool; a grant for the policy: "grants": [${JSON.stringify(grant)}],`,
  ];
}
