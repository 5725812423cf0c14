import { execa } from "execa";
import { systemCodeOf } from "../core/errors.ts";

/** How a short program ended, and what it said, as far as that is of interest. */
export type RunEnd =
  | { readonly kind: "exited"; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "timeout" }
  | { readonly kind: "refused"; readonly reason: string };

const maxOutputBytes = 1024 * 1024;

/** Runs a program to its end, with no input and only `env`. It is killed when `timeoutMs` ends or `signal` aborts. */
export async function run(program: {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}): Promise<RunEnd> {
  const result = await execa(program.file, program.args, {
    env: program.env,
    extendEnv: false,
    cwd: program.cwd,
    stdin: "ignore",
    reject: false,
    timeout: program.timeoutMs,
    cancelSignal: program.signal,
    killSignal: "SIGKILL",
    maxBuffer: maxOutputBytes,
  });
  program.signal.throwIfAborted();
  if (result.timedOut) return { kind: "timeout" };
  if (result.signal !== undefined) return { kind: "killed", signal: result.signal };
  if (result.exitCode === undefined) {
    return { kind: "refused", reason: systemCodeOf(result.cause) ?? result.code ?? "it does not start" };
  }
  return { kind: "exited", exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}
