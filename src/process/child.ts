import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import { systemCodeOf } from "../core/errors.ts";
import type { DaemonEnd } from "./daemon.ts";
import { detachedOptions } from "./detached.ts";
import { signalGroup } from "./signal-group.ts";

/** A program that we speak to, and the process group that it leads: whatever it starts ends with it. */
export interface Child {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when it has ended; what it said last may still be unread in `stdout`. */
  readonly ended: Promise<DaemonEnd>;
  /** Closes its stdin; SIGTERM, and at last SIGKILL, to the group when it does not go by itself within `graceMs` each. */
  stop(graceMs: number): Promise<void>;
}

export type ChildStart =
  | { readonly kind: "started"; readonly child: Child }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Starts a program with pipes for its standard streams and nothing else: no other descriptor, and of the environment
 * only `env`.
 */
export async function startChild(start: {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Only root can start a program as somebody else, who then has no further groups. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}): Promise<ChildStart> {
  const child = execa(start.file, start.args, {
    ...detachedOptions(start),
    ...(start.user === undefined ? {} : { uid: start.user.uid, gid: start.user.gid }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) {
    const { cause, shortMessage } = await child;
    return { kind: "refused", reason: systemCodeOf(cause) ?? shortMessage ?? "it does not start" };
  }
  // A pipe breaks when the child ends, which `ended` tells.
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => {});
  const ended = new Promise<DaemonEnd>((resolve) => {
    child.once("exit", (exitCode, signal) => {
      // What it started holds its pipes, and would be left behind.
      signalGroup(pid, "SIGKILL");
      resolve(signal === null ? { kind: "exited", exitCode: exitCode ?? 1 } : { kind: "killed", signal });
    });
  });
  const goes = async (graceMs: number): Promise<boolean> => {
    const over = new AbortController();
    const late = delay(graceMs, false, { signal: over.signal }).catch(() => false);
    const isGone = await Promise.race([ended.then(() => true), late]);
    over.abort();
    return isGone;
  };
  return {
    kind: "started",
    child: {
      pid,
      stdin,
      stdout,
      stderr,
      ended,
      async stop(graceMs) {
        stdin.end();
        // Nobody reads any longer, and a child that waits for a reader would not hear of its end.
        for (const stream of [stdout, stderr]) stream.resume();
        if (await goes(graceMs)) return;
        signalGroup(pid, "SIGTERM");
        if (await goes(graceMs)) return;
        signalGroup(pid, "SIGKILL");
        await ended;
      },
    },
  };
}
