import { shellQuote } from "../../core/shell-quote.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import { signalGroup } from "../../process/signal-group.ts";
import { locateProgram } from "../../tailscale/locate.ts";

/** How a one-shot command ended. */
export type OneShot =
  | { readonly kind: "exited"; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "timeout" }
  | { readonly kind: "cancelled" };

/**
 * Runs one command to its end. It is killed, with everything it started, when `timeoutMs` ends or `signal` aborts.
 * zx needs a shell: any POSIX one, which becomes the command itself by `exec`. Values are quoted by us, because zx
 * writes `$'…'`, which dash does not know: an injection ran (google/zx `src/util.ts`, `quote`).
 */
export async function runOneShot(command: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Becomes descriptor 3 of the command. */
  readonly descriptor?: number | undefined;
  /** Hears what it says on stderr while it runs. */
  readonly onStderr?: ((text: string) => void) | undefined;
}): Promise<OneShot> {
  const { $ } = await import("zx/core");
  const limit = timeoutSignal(command.timeoutMs);
  const signal = AbortSignal.any([limit, command.signal]);
  if (signal.aborted) return { kind: "cancelled" };
  const shell = $({
    shell: locateProgram("sh", command.env) ?? "/bin/sh",
    quote: shellQuote,
    prefix: "set -eu; exec ",
    postfix: "",
    env: { ...command.env },
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe", ...(command.descriptor === undefined ? [] : [command.descriptor])],
    detached: true,
    nothrow: true,
    quiet: true,
    verbose: false,
    signal,
  });
  const running = shell`${[...command.argv]}`;
  const { pid } = running;
  const { onStderr } = command;
  if (onStderr !== undefined) running.stderr.setEncoding("utf8").on("data", onStderr);
  // zx asks by SIGTERM; what does not listen must not hold us.
  const kill = (): void => (pid === undefined ? undefined : signalGroup(pid, "SIGKILL"));
  signal.addEventListener("abort", kill, { once: true });
  try {
    const output = await running;
    if (command.signal.aborted) return { kind: "cancelled" };
    if (limit.aborted) return { kind: "timeout" };
    return { kind: "exited", exitCode: output.exitCode ?? 1, stdout: output.stdout, stderr: output.stderr };
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

/** Loads what `runOneShot` needs while there is something else to wait for. A failure shows when it is used. */
export function preloadShell(): void {
  void import("zx/core").catch(() => {});
}
