import { systemCodeOf } from "../core/errors.ts";
import { identityOf } from "./identity.ts";
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

/** Starts a program in a group of its own, without input; what it says goes to our stderr, for stdout is for results. */
export async function startServerProcess(
  argv: readonly [string, ...string[]],
  { env, cwd }: { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd: string },
): Promise<ServerStart> {
  const { execa } = await import("execa");
  const [file, ...args] = argv;
  const child = execa(file, args, {
    env,
    cwd,
    extendEnv: false,
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stdio: ["ignore", 2, 2],
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
    const code = systemCodeOf(result.cause) ?? result.code;
    return { kind: "refused", reason: code === "ENOENT" ? "it was not found" : (code ?? "it does not start") };
  }
  return {
    kind: "started",
    server: {
      pid,
      ended,
      async stop() {
        const identity = identityOf(pid);
        if (identity !== undefined) await stopProcess(identity, { graceMs });
        // What it started may live on in its group.
        killGroup(pid);
      },
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (systemCodeOf(error) !== "ESRCH") throw error;
  }
}
