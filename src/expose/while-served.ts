import { TsmcpError } from "../core/errors.ts";
import type { HeldHandler } from "./handlers.ts";
import type { ExposeWorld } from "./request.ts";

/**
 * Returns what comes of `work`, such as a proof, which would go on waiting for a port that nobody serves any longer. As soon as a
 * handler is lost its signal fires, and when it has ended `command-failed` is thrown.
 */
export async function whileServed<Result>(
  held: readonly HeldHandler[],
  { signal }: Pick<ExposeWorld, "signal">,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const loss = new AbortController();
  const working = work(AbortSignal.any([signal, loss.signal]));
  for (const { own, lost } of held) void lost.then(() => loss.abort(servedNoLonger(own.port)));
  try {
    const result = await working;
    loss.signal.throwIfAborted();
    return result;
  } catch (error) {
    // What was broken off says so in words of its own.
    if (!signal.aborted) loss.signal.throwIfAborted();
    throw error;
  }
}

/** Says that somebody has ended what was served there, or changed it. */
export function servedNoLonger(port: number): TsmcpError {
  return standsNoLonger(`port ${port} is served no longer as it was set: somebody took it away, or changed it`);
}

export function standsNoLonger(message: string): TsmcpError {
  return new TsmcpError({ code: "command-failed", message, hint: 'run "tsmcp expose" again' });
}
