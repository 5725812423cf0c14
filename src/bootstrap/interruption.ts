import { TsmcpError } from "../core/errors.ts";

/** Runs `work`; whatever it throws after `signal` was given is told as an interruption, not as what came of it. */
export async function unlessInterrupted<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new TsmcpError({
      code: "command-failed",
      message: `interrupted by ${String(signal.reason)}`,
      cause: error,
    });
  }
}
