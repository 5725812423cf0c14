import { TsmcpError } from "../core/errors.ts";
import { stopProcess } from "../process/stop.ts";
import { findProgram } from "./facts.ts";
import { clearLeftovers } from "./leftovers.ts";
import { removeOutcome } from "./outcome-file.ts";
import { livingOwner, readExposeRecord } from "./record.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

/** What was there to be ended. */
export interface Ended {
  readonly status: "off";
  /** The process that had the exposure. */
  readonly pid: number | undefined;
  /** Handlers that its process had left behind. */
  readonly cleared: number;
}

/** It takes two handlers away, and drains its calls. */
const ownerGraceMs = 30_000;

/**
 * Ends the exposure at this tailscaled, whoever of this user's processes has it, and takes away what a killed one left. Nothing
 * there is no error. Throws `command-failed` where a handler stays, `tailscale-missing`.
 */
export async function endExposure(
  request: Pick<ExposeRequest, "socket" | "directory">,
  world: Pick<ExposeWorld, "env" | "log" | "signal">,
): Promise<Ended> {
  const { directory } = request;
  const record = readExposeRecord(directory);
  const owner = record === undefined ? undefined : livingOwner(record);
  if (owner !== undefined) await stopProcess(owner, { graceMs: ownerGraceMs });
  // Its process takes the record away with what it set.
  const left = readExposeRecord(directory);
  const cleared = left === undefined ? 0 : await clearLeft(left, { request, world });
  if (record !== undefined) removeOutcome(directory, record.owner.pid);
  return { status: "off", pid: owner?.pid, cleared };
}

async function clearLeft(
  record: NonNullable<ReturnType<typeof readExposeRecord>>,
  {
    request,
    world,
  }: {
    readonly request: Pick<ExposeRequest, "socket" | "directory">;
    readonly world: Pick<ExposeWorld, "env" | "log" | "signal">;
  },
): Promise<number> {
  const cli = await findProgram(request, world);
  if (cli !== undefined) return clearLeftovers(record, { request, world, cli });
  throw new TsmcpError({
    code: "tailscale-missing",
    message: 'an exposure that was killed left handlers, and "tailscale" is not on PATH to take them away',
    hint: "put it on PATH",
  });
}
