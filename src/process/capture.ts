/** What a short program printed, or why there is nothing. */
export type Captured =
  | { readonly kind: "printed"; readonly stdout: string }
  | { readonly kind: "failed"; readonly reason: string };

const maxPrintedBytes = 64 * 1024;

/** Runs a short program without input and returns its stdout; it is killed after `timeoutMs` and when `signal` fires. */
export async function captureOutput(
  argv: readonly [string, ...string[]],
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Captured> {
  // Loaded when it is needed: few runs of few commands do.
  const { execa } = await import("execa");
  const [file, ...args] = argv;
  const { stdout, failed, shortMessage } = await execa(file, args, {
    stdin: "ignore",
    stderr: "ignore",
    env: options.env,
    extendEnv: false,
    cwd: "/",
    timeout: options.timeoutMs,
    cancelSignal: options.signal,
    forceKillAfterDelay: 500,
    maxBuffer: maxPrintedBytes,
    reject: false,
  });
  if (options.signal.aborted) throw options.signal.reason;
  return failed ? { kind: "failed", reason: shortMessage ?? "it failed" } : { kind: "printed", stdout };
}
