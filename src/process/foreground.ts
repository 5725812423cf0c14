import { execa } from "execa";
import { systemCodeOf } from "../core/errors.ts";
import { startGroupWitness } from "./group-witness.ts";

/** How a program ended that had this process's terminal, or why it could not be started. */
export type ForegroundEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "killed"; readonly signal: NodeJS.Signals }
  | { readonly kind: "missing" }
  | { readonly kind: "not-executable"; readonly reason: string };

/** What somebody may send to this process and means for the program. */
const forwardedSignals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Runs a program with this process's standard streams until it ends, and hands on the signals that arrive here. */
export async function runInForeground(
  argv: readonly [string, ...string[]],
  { env, cwd }: { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd: string },
): Promise<ForegroundEnd> {
  const [file, ...args] = argv;
  const witness = hasTerminal() ? startGroupWitness() : undefined;
  let handOnTo: ((signal: NodeJS.Signals) => void) | undefined;
  // Before the start: the program may be ready, and its sender know it, before we go on.
  const handlers = forwardedSignals.map((signal) => {
    // A terminal sends these two to the whole group, and then the program has had its own already.
    const mayBeShared = signal === "SIGINT" || signal === "SIGQUIT";
    const handOn = async (): Promise<void> => {
      if (!(mayBeShared && (await witness?.sawItToo()))) handOnTo?.(signal);
    };
    const handler = (): void => void handOn();
    process.on(signal, handler);
    return { signal, handler };
  });
  try {
    const child = execa(file, args, {
      stdio: "inherit",
      env,
      cwd,
      extendEnv: false,
      reject: false,
      forceKillAfterDelay: false,
    });
    handOnTo = (signal) => void child.kill(signal);
    const result = await child;
    if (result.signal !== undefined) return { kind: "killed", signal: result.signal };
    if (result.exitCode !== undefined) return { kind: "exited", exitCode: result.exitCode };
    const code = systemCodeOf(result.cause) ?? result.code;
    return code === "ENOENT" ? { kind: "missing" } : { kind: "not-executable", reason: code ?? "unknown error" };
  } finally {
    for (const { signal, handler } of handlers) process.off(signal, handler);
    witness?.stop();
  }
}

function hasTerminal(): boolean {
  return [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
}
