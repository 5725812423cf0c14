import { spawn } from "node:child_process";
import { systemCodeOf } from "../core/errors.ts";
import { markName } from "./marked.ts";

/** A tiny process that cleans up when this one ends, however it ends. */
export interface Guard {
  /** Names the process groups to be killed then, in place of those named before. */
  watch(groups: readonly number[]): void;
  /** Ends it: what it would have done is done, or must not be. */
  dismiss(): void;
}

/**
 * Every line that it reads is the whole list of groups; the end of its input is our end. Of all forms, dash, bash and
 * busybox take only this one for several groups. What left its group is known by the mark in its environment.
 */
const script =
  'groups=; while read -r line; do groups=$line; done; if [ -n "$groups" ]; then kill -KILL $groups; fi; ' +
  `for file in $(grep -lsF "${markName}=$1" /proc/[0-9]*/environ); do ` +
  'pid=${file#/proc/}; kill -KILL "${pid%/environ}"; done; rm -rf -- "$1"';

/** Starts the guard of `directory`, which it removes with all that is in it. It does not hold this process. */
export function startGuard(directory: string): Guard {
  // A session of its own: a Ctrl-C in the terminal is not meant for it.
  const child = spawn("/bin/sh", ["-c", script, "tsmcp-guard", directory], {
    detached: true,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.once("error", () => {});
  child.unref();
  const { stdin } = child;
  stdin.on("error", () => {});
  if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  return {
    watch: (groups) => void stdin.write(`${groups.map((group) => `-${group}`).join(" ")}\n`),
    dismiss() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (systemCodeOf(error) !== "ESRCH") throw error;
      }
      stdin.destroy();
    },
  };
}
