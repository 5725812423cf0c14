import { readRecord } from "../core/record.ts";

/** How long a dial waits for the news of this node to reach the server's; then it finds out for itself. */
const limitMs = 3_000;

/**
 * Waits, before a dial that follows a failed one, until the server's node knows this one: while `up` joins, the bridge
 * dials as soon as there is a way, and a handshake that comes before the news costs 5 s. Only where `up` says whose
 * daemon it is; never throws.
 */
export async function untilKnown(host: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const socket = readRecord({ env })?.socket;
  if (socket === undefined) return;
  const { meetPeer } = await import("../tailscale/meet-peer.ts");
  await meetPeer({ socket }, host, limitMs);
}
