import { systemCodeOf } from "../core/errors.ts";

/** Sends a signal to what is left of a process group, as far as it is ours; none left is no failure. */
export function signalGroup(group: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // EPERM: only processes of another user are left, as of sudo.
    if (systemCodeOf(error) !== "ESRCH" && systemCodeOf(error) !== "EPERM") throw error;
  }
}
