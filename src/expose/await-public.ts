import { setTimeout as pause } from "node:timers/promises";
import { messageOf, TsmcpError } from "../core/errors.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { readCertificate } from "../tailscale/local-api.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

/** How far something came that others have to do. */
export type Awaited =
  | { readonly kind: "there"; readonly detail: string }
  | { readonly kind: "late"; readonly detail: string };

/**
 * Waits until the node has its certificate, which the first one takes a minute for. An older tailscaled, and one that does not let
 * us ask, make it at the first connection: the proof will tell.
 */
export async function awaitCertificate(
  host: string,
  { request, world, leftMs }: { readonly request: ExposeRequest; readonly world: ExposeWorld; readonly leftMs: number },
): Promise<Awaited> {
  try {
    await readCertificate({ socket: request.socket, timeoutMs: Math.max(leftMs, 1), signal: world.signal }, host);
    return { kind: "there", detail: host };
  } catch (error) {
    world.signal.throwIfAborted();
    if (!(error instanceof TsmcpError)) throw error;
    return { kind: "late", detail: messageOf(error) };
  }
}

const firstPauseMs = 500;
const longestPauseMs = 10_000;

/** Waits until public DNS knows the name, which takes up to ten minutes after the first Funnel of a node. */
export async function awaitPublicName(
  host: string,
  { world, leftMs }: { readonly world: ExposeWorld; readonly leftMs: number },
): Promise<Awaited> {
  const late = timeoutSignal(Math.max(leftMs, 1));
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (await world.hasPublicName(host, world.signal)) return { kind: "there", detail: host };
    if (late.aborted) return { kind: "late", detail: `public DNS does not know ${host} yet` };
    world.log.debug(`public DNS does not know ${host} yet`);
    await pause(pauseMs, undefined, { signal: world.signal });
  }
}
