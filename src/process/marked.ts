import { readdirSync, readFileSync } from "node:fs";
import { systemCodeOf } from "../core/errors.ts";

/** The variable by which everything that a program of a sandbox starts is known, in whatever group or session it is. */
export const markName = "TSMCP_SANDBOX";

/** Kills every process that was started with the mark. Where there is no `/proc`, nobody can tell them. */
export function killMarked(mark: string): void {
  for (const pid of markedProcesses(mark)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (systemCodeOf(error) !== "ESRCH") throw error;
    }
  }
}

function markedProcesses(mark: string): readonly number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) && isMarked(name, mark) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

function isMarked(pid: string, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`${markName}=${mark}`);
  } catch {
    // It has ended, or is somebody else's.
    return false;
  }
}
