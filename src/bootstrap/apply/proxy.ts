import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../../core/errors.ts";
import { listenText } from "../../tailscale/daemon-arguments.ts";
import { meetPeer } from "../../tailscale/meet-peer.ts";
import { proxyReaches } from "../../tailscale/self-dial.ts";
import type { Attempt } from "../attempt.ts";
import { gatherNode, type UpFacts } from "../facts.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";

const pollMs = 10;
/** A Running node's proxy answers within milliseconds; the first dial after a pause may fail (tailscale #19791). */
const readyLimitMs = 10_000;
/** A node that is on is told of another within a second; one that does not answer is the checks' to explain. */
const meetLimitMs = 3_000;

/** Returns whether the proxy must still be waited for. */
export function decideProxy({ proxy }: UpFacts): Decision {
  return proxy?.answers === true ? keep(listenText(proxy.address)) : act("dial through the proxy");
}

/**
 * Waits until a dial through the proxy reaches the tailnet, and returns the facts as they are then.
 * Throws `proxy-unreachable` when none does in time.
 */
export async function applyProxy(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const { world, socket } = attempt;
  const address = facts.proxy?.address ?? attempt.request.proxy;
  const end = performance.now() + Math.min(readyLimitMs, attempt.remainingMs());
  for (;;) {
    const node = await gatherNode(socket, world);
    if (node !== undefined && (await proxyReaches({ proxy: address, status: node.status, signal: world.signal }))) {
      await meetServers(attempt);
      return done({ ...facts, node, proxy: { address, answers: true } }, listenText(address));
    }
    if (performance.now() >= end) break;
    await delay(pollMs);
  }
  throw new TsmcpError({
    code: "proxy-unreachable",
    message: `no connection to the tailnet came about through the proxy on ${listenText(address)}`,
    hint: 'run "tsmcp doctor --only tailscale,proxy" to see what blocks it',
    facts: { address: listenText(address) },
  });
}

/** So that the first connection, ours or the agent's, does not begin before the servers' nodes know this one. */
async function meetServers({ request, socket, world, remainingMs }: Attempt): Promise<void> {
  const limitMs = Math.min(meetLimitMs, remainingMs());
  const hosts = new Set(request.servers.map(({ tailnetUrl }) => new URL(tailnetUrl).hostname));
  await Promise.all([...hosts].map((host) => meetPeer({ socket, signal: world.signal }, host, limitMs)));
}
