import { TsmcpError } from "../core/errors.ts";
import type { ServeHandler } from "../tailscale/serve-state.ts";
import { readServeState } from "./facts.ts";
import { isSame } from "./ports.ts";
import { livingOwner, readExposeRecord } from "./record.ts";
import type { ExposeRequest } from "./request.ts";

/** How this user's exposure at a tailscaled is doing. */
export type ExposureStanding =
  | { readonly status: "none" }
  /** `missing` of its handlers are served no longer: somebody took them away, or replaced them. */
  | { readonly status: "stands"; readonly pid: number; readonly isDetached: boolean; readonly missing: number }
  /** Its process was killed, or the machine was rebooted: handlers that lead to no gateway. */
  | { readonly status: "abandoned"; readonly handlers: number };

/** Returns how it is doing, from its record and what tailscaled serves; where that does not answer it serves nothing. Changes nothing. */
export async function exposureStanding(
  request: Pick<ExposeRequest, "socket" | "directory">,
  signal: AbortSignal,
): Promise<ExposureStanding> {
  const record = readExposeRecord(request.directory);
  if (record === undefined) return { status: "none" };
  const { handlers, isDetached } = record;
  const served = await servedOf(request, signal);
  const left = handlers.filter((own) => served.some((one) => isSame(own, one))).length;
  const owner = livingOwner(record);
  if (owner !== undefined) return { status: "stands", pid: owner.pid, isDetached, missing: handlers.length - left };
  return left === 0 ? { status: "none" } : { status: "abandoned", handlers: left };
}

async function servedOf(request: Pick<ExposeRequest, "socket">, signal: AbortSignal): Promise<readonly ServeHandler[]> {
  try {
    return (await readServeState(request, signal)).handlers;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsmcpError) return [];
    throw error;
  }
}
