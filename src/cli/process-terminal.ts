import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { systemCodeOf } from "../core/errors.ts";
import { workingDirectory } from "../core/search-path.ts";
import type { Terminal } from "./terminal.ts";

const exitOfSignal = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * One Ctrl-C arrives twice below `npx`, from the terminal and from npm, and a hang-up from the kernel and from the shell:
 * what comes this soon is the same wish again, not impatience.
 */
const sameWishMs = 300;

/**
 * Returns this process as a terminal. The first SIGINT, SIGTERM or SIGHUP aborts `signal`, so that the command can undo what
 * it began; a later SIGINT or SIGTERM ends the process at once. `stop` takes the handlers away.
 */
export function processTerminal(): Terminal & { stop: () => void } {
  const controller = new AbortController();
  let firstAt = Number.POSITIVE_INFINITY;
  let hangup: (() => void) | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    if (!isEnding(name)) return;
    if (name === "SIGHUP" && hangup !== undefined) {
      hangup();
      return;
    }
    if (!controller.signal.aborted) {
      firstAt = performance.now();
      controller.abort(name);
    } else if (name !== "SIGHUP" && performance.now() - firstAt > sameWishMs) {
      process.exit(exitOfSignal[name]);
    }
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  const stop = (): void => {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onSignal);
  };
  return {
    env: process.env,
    ...usableDirectory(),
    writeOut: (text) => writeAll(1, text),
    writeError: (text) => writeAll(2, text),
    // Asked of the descriptors: making the streams costs milliseconds, and the bridge never needs the one of stderr.
    outIsTerminal: isatty(1),
    errorIsTerminal: isatty(2),
    signal: controller.signal,
    releaseSignals: stop,
    takeHangup(handle) {
      hangup = handle;
      return () => {
        hangup = undefined;
      };
    },
    stop,
  };
}

/** Returns the exit code that tells a parent which signal ended the work. */
export function exitCodeOfSignal(reason: unknown): number {
  return isEnding(reason) ? exitOfSignal[reason] : exitOfSignal.SIGINT;
}

function isEnding(name: unknown): name is keyof typeof exitOfSignal {
  return name === "SIGINT" || name === "SIGTERM" || name === "SIGHUP";
}

/** A working directory that was deleted must not end commands that do not need one, nor modules that ask for it (zx). */
function usableDirectory(): Pick<Terminal, "cwd" | "isCwdGone"> {
  const cwd = workingDirectory();
  if (cwd !== undefined) return { cwd };
  process.chdir("/");
  return { cwd: "/", isCwdGone: true };
}

/** Synchronous, because a process that ends by `process.exit` loses what a pipe has not taken yet. */
export function writeAll(descriptor: 1 | 2, data: string | Buffer): void {
  let rest = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = systemCodeOf(error);
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      // The reader has gone (`| head`): what it did not want to read is no failure of the command.
      else if (code === "EPIPE" || code === "EBADF" || code === "EIO") return;
      // What is only talk must not end the work, as where stderr is on a full disk.
      else if (descriptor === 2 && code !== undefined) return;
      else throw error;
    }
  }
}
