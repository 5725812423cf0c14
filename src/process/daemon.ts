import { closeSync, constants, createWriteStream, openSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { systemCodeOf } from "../core/errors.ts";
import type { ProcessIdentity } from "../core/record.ts";
import { detachedOptions } from "./detached.ts";
import { identityOf } from "./identity.ts";
import { signalGroup } from "./signal-group.ts";

/** A daemon that was started: who it is, and how it ended if it did. */
export interface StartedDaemon {
  readonly identity: ProcessIdentity;
  /** Settles when it ends while we watch. */
  readonly ended: Promise<DaemonEnd>;
}

export type DaemonEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "killed"; readonly signal: string };

export type DaemonStart =
  | { readonly kind: "started"; readonly daemon: StartedDaemon }
  /** It ran, and was gone before anything could be known of it. */
  | { readonly kind: "ended"; readonly end: DaemonEnd }
  | { readonly kind: "refused"; readonly reason: string };

/** A child that is missing in /proc has ended, and its end is told within a millisecond. */
const endLimitMs = 1_000;

const blindProc = "/proc does not show this process's own children; mount the one of this process namespace there";

/** What is started: a program by its path, with this environment and no other. */
export interface DaemonCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * Starts a program that outlives us: its own session (a closed terminal does not end it), no inherited descriptor, and
 * everything it says in `logFile` (0600). It is refused where /proc cannot tell it from another process later.
 */
export async function startDaemon(
  start: DaemonCall & { readonly logFile: string },
  system = { identityOf, ownPidInProc },
): Promise<DaemonStart> {
  if (isBlind(system)) return { kind: "refused", reason: blindProc };
  const { execa } = await import("execa");
  const log = openSync(
    start.logFile,
    constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
    0o600,
  );
  // execa takes a descriptor past 9 only as a stream; the child gets the descriptor itself.
  const stream = createWriteStream("", { fd: log, autoClose: false });
  try {
    const child = execa(start.file, start.args, { ...detachedOptions(start), stdio: ["ignore", stream, stream] });
    const outcome = await settled(child, start, system);
    if (outcome.kind === "started") child.unref();
    return outcome;
  } finally {
    closeSync(log);
  }
}

/**
 * Starts a program that ends with us: its descriptor 3 is a pipe that nothing is ever written to and that breaks when we
 * are gone, however we went. What it says goes to `onOutput`. A session of its own keeps the terminal's Ctrl-C from it.
 */
export async function startBoundDaemon(
  start: DaemonCall & { readonly onOutput: (chunk: Buffer) => void },
  system = { identityOf, ownPidInProc },
): Promise<DaemonStart> {
  if (isBlind(system)) return { kind: "refused", reason: blindProc };
  const { execa } = await import("execa");
  const child = execa(start.file, start.args, { ...detachedOptions(start), stdio: ["ignore", "pipe", "pipe", "pipe"] });
  for (const stream of child.stdio) stream?.on("error", () => {});
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", start.onOutput);
  return settled(child, start, system);
}

/** Of another process namespace, /proc would name somebody else's process by our child's number. */
function isBlind(system: { readonly ownPidInProc: () => string | undefined }): boolean {
  return system.ownPidInProc() !== String(process.pid);
}

/** As much of execa's child as is the same for every kind of output. */
interface DaemonChild
  extends PromiseLike<{
    readonly signal?: string | undefined;
    readonly exitCode?: number | undefined;
    readonly cause?: unknown;
    readonly shortMessage?: string | undefined;
  }> {
  readonly pid?: number | undefined;
}

async function settled(
  child: DaemonChild,
  { file }: DaemonCall,
  system: { readonly identityOf: typeof identityOf },
): Promise<DaemonStart> {
  const ended = Promise.resolve(child).then(
    (result): DaemonEnd =>
      result.signal === undefined
        ? { kind: "exited", exitCode: result.exitCode ?? 1 }
        : { kind: "killed", signal: result.signal },
  );
  if (child.pid === undefined) {
    const { cause, shortMessage } = await child;
    const code = systemCodeOf(cause);
    return {
      kind: "refused",
      reason: code === undefined ? (shortMessage ?? "it does not start") : `${file}: ${code}`,
    };
  }
  const identity = system.identityOf(child.pid);
  if (identity !== undefined) return { kind: "started", daemon: { identity, ended } };
  const end = await Promise.race([ended, delay(endLimitMs, undefined, { ref: false })]);
  if (end !== undefined) return { kind: "ended", end };
  signalGroup(child.pid, "SIGKILL");
  return { kind: "refused", reason: blindProc };
}

function ownPidInProc(): string | undefined {
  try {
    return readlinkSync("/proc/self");
  } catch {
    return undefined;
  }
}
