import { formatDuration } from "../core/duration.ts";
import { TsmcpError } from "../core/errors.ts";

/** Returns a signal that fires with `signal`, or, with `command-timeout`, once `timeoutMs` have passed. */
export function timeLimit(
  timeoutMs: number | undefined,
  { signal, what }: { readonly signal: AbortSignal; readonly what: string },
): { readonly signal: AbortSignal; stop(): void } {
  const limit = new AbortController();
  const expire = (): void =>
    limit.abort(
      new TsmcpError({
        code: "command-timeout",
        message: `${what} did not end within ${formatDuration(timeoutMs ?? 0)}`,
        hint: "give it longer with --timeout; what was called may have run",
        facts: { timeoutMs: timeoutMs ?? 0 },
      }),
    );
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
  return { signal: AbortSignal.any([signal, limit.signal]), stop: () => clearTimeout(timer) };
}
