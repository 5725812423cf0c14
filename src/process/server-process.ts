import { Writable } from "node:stream";
import { systemCodeOf } from "../core/errors.ts";
import { detachedOptions } from "./detached.ts";
import { identityOf } from "./identity.ts";
import { signalGroup } from "./signal-group.ts";
import { stopProcess } from "./stop.ts";

/** A server that was started for as long as we run. */
export interface ServerProcess {
  /** Leads a process group of its own, with all that it starts. */
  readonly pid: number;
  /** Settles when it has ended. */
  readonly ended: Promise<ServerEnd>;
  /** Ends it and its group, and waits for that. */
  stop(): Promise<void>;
}

export type ServerEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "killed"; readonly signal: string };

export type ServerStart =
  | { readonly kind: "started"; readonly server: ServerProcess }
  | { readonly kind: "refused"; readonly reason: string };

const graceMs = 3_000;

/** Becomes the program only when it is told to: should we be killed while it starts, nobody could end it any more. */
const whenToldTo = 'read -r go <&3 || exit 1; exec 3<&-; exec "$@"';

/**
 * Starts a program in a group of its own, without input; what it says goes to our stderr, for stdout is for results.
 * `onGroup` is told of the group before anything of the program runs.
 */
export async function startServerProcess(
  argv: readonly [string, ...string[]],
  place: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    readonly onGroup: (group: number) => void;
  },
): Promise<ServerStart> {
  const { execa } = await import("execa");
  const child = execa("/bin/sh", ["-c", whenToldTo, "sh", ...argv], {
    ...detachedOptions(place),
    stdio: ["ignore", 2, 2, "pipe"],
  });
  const ended = child.then(
    (result): ServerEnd =>
      result.signal === undefined
        ? { kind: "exited", exitCode: result.exitCode ?? 1 }
        : { kind: "killed", signal: result.signal },
  );
  const { pid } = child;
  if (pid === undefined) {
    const result = await child;
    return { kind: "refused", reason: systemCodeOf(result.cause) ?? result.code ?? "it does not start" };
  }
  place.onGroup(pid);
  const go = child.stdio[3];
  if (go instanceof Writable) go.on("error", () => {}).end("go\n");
  return {
    kind: "started",
    server: {
      pid,
      ended,
      async stop() {
        const identity = identityOf(pid);
        if (identity !== undefined) await stopProcess(identity, { graceMs });
        // What it started may live on in its group.
        signalGroup(pid, "SIGKILL");
      },
    },
  };
}
