import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { timeoutSignal } from "../core/timeout-signal.ts";

/** Tells whether a signal went to this whole process group, as a terminal sends Ctrl-C, or to this process alone. */
export interface GroupWitness {
  sawItToo(): Promise<boolean>;
  stop(): void;
}

/** A signal to a group reaches all of it within microseconds; only a machine without a free core needs longer to tell. */
const reportLimitMs = 250;

/** Nothing tells a program who sent a signal. So a shell of our group waits for the same one, and ends by it. */
export function startGroupWitness(): GroupWitness {
  let witness = startShell();
  return {
    sawItToo: async () => {
      const current = witness;
      const saw = await hasEnded(current);
      if (saw && witness === current) witness = startShell();
      return saw;
    },
    stop: () => void witness.kill("SIGKILL"),
  };
}

function startShell(): ChildProcess {
  const shell = spawn("/bin/sh", ["-c", "trap 'exit 0' INT QUIT; read line"], { stdio: ["pipe", "ignore", "ignore"] });
  // Without a shell every signal counts as the group's, and nothing is told twice.
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  return shell;
}

async function hasEnded(shell: ChildProcess): Promise<boolean> {
  const isOver = (): boolean => shell.pid === undefined || shell.exitCode !== null || shell.signalCode !== null;
  if (isOver()) return true;
  await once(shell, "exit", { signal: timeoutSignal(reportLimitMs) }).catch(() => {});
  return isOver();
}
