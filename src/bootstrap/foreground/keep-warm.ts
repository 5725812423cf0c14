import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../core/errors.ts";
import { readRecord } from "../../core/record.ts";
import { dial } from "../../net/dial.ts";
import type { BootstrapWorld } from "../world.ts";

/**
 * Forty-five seconds after the last packet tailscaled takes a peer for idle and lets the direct path to it go; after three
 * minutes WireGuard's keys are void, and the first call pays for both. Source: tailscale `wgengine/magicsock`,
 * sessionActiveTimeout; wireguard-go `device/constants.go`, RejectAfterTime.
 */
const usualPauseMs = 25_000;
const dialLimitMs = 5_000;

/**
 * Dials the servers through the proxy of this boot, and sends them nothing, again and again until `world.signal` fires. A
 * server that does not answer is no trouble of ours.
 */
export async function keepWarm(urls: readonly URL[], world: BootstrapWorld, pauseMs = usualPauseMs): Promise<void> {
  const { signal, log } = world;
  while (!signal.aborted) {
    const proxy = readRecord(world)?.proxy;
    if (proxy !== undefined) {
      const touched = await Promise.allSettled(
        urls.map(async (url) => {
          const via = { protocol: "http", ...proxy } as const;
          (await dial(targetOf(url), via, { timeoutMs: dialLimitMs, signal })).destroy();
        }),
      );
      for (const one of touched) if (one.status === "rejected") log.debug(`not warm: ${messageOf(one.reason)}`);
    }
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

function targetOf({ hostname, port, protocol }: URL): { readonly host: string; readonly port: number } {
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host, port: port === "" ? (protocol === "http:" ? 80 : 443) : Number(port) };
}
