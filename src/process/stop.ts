import { setTimeout as delay } from "node:timers/promises";
import { systemCodeOf } from "../core/errors.ts";
import type { ProcessIdentity } from "../core/record.ts";
import { isAlive, leadsGroup } from "./identity.ts";

/** No event tells the end of a process that is not our child. */
const pollMs = 5;

/**
 * Ends a process, with its group where it leads one: SIGTERM, and SIGKILL when `graceMs` was not enough. Returns once it is gone.
 * A process that got the number meanwhile is not touched.
 */
export async function stopProcess(identity: ProcessIdentity, { graceMs }: { graceMs: number }): Promise<void> {
  send(identity, "SIGTERM");
  if (await isGone(identity, graceMs)) return;
  send(identity, "SIGKILL");
  // Only a process that hangs in the kernel outlives this; waiting for it would not help.
  await isGone(identity, 2_000);
}

function send(identity: ProcessIdentity, signal: "SIGTERM" | "SIGKILL"): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(leadsGroup(identity.pid) ? -identity.pid : identity.pid, signal);
  } catch (error) {
    if (systemCodeOf(error) !== "ESRCH") throw error;
  }
}

async function isGone(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (isAlive(identity)) {
    if (performance.now() >= end) return false;
    await delay(pollMs);
  }
  return true;
}
