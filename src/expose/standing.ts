import { TsmcpError } from "../core/errors.ts";
import { readServeState } from "./facts.ts";
import { isSame } from "./ports.ts";
import { livingOwner, readExposeRecord } from "./record.ts";
import type { ExposeRequest } from "./request.ts";

/** How this user's exposure at a tailscaled is doing. */
export type ExposureStanding =
  | { readonly status: "none" }
  | { readonly status: "stands"; readonly pid: number; readonly isDetached: boolean }
  /** Its process was killed, or the machine was rebooted: handlers that lead to no gateway. */
  | { readonly status: "abandoned"; readonly handlers: number };

/** Returns how it is doing, from its record and what tailscaled serves; where that does not answer it serves nothing. Changes nothing. */
export async function exposureStanding(
  request: Pick<ExposeRequest, "socket" | "directory">,
  signal: AbortSignal,
): Promise<ExposureStanding> {
  const record = readExposeRecord(request.directory);
  if (record === undefined) return { status: "none" };
  const owner = livingOwner(record);
  if (owner !== undefined) return { status: "stands", pid: owner.pid, isDetached: record.isDetached };
  try {
    const served = (await readServeState(request, signal)).handlers;
    const left = record.handlers.filter((own) => served.some((one) => isSame(own, one)));
    return left.length === 0 ? { status: "none" } : { status: "abandoned", handlers: left.length };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsmcpError) return { status: "none" };
    throw error;
  }
}
