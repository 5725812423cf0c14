/**
 * Returns a signal that is aborted with a TimeoutError after `timeoutMs`, as AbortSignal.timeout does. Node.js 20 forgets that
 * one when only AbortSignal.any refers to it and the garbage collector comes by: of 50, none was aborted (20.20.2). A
 * listener holds it.
 */
export function timeoutSignal(timeoutMs: number): AbortSignal {
  const limit = AbortSignal.timeout(timeoutMs);
  limit.addEventListener("abort", () => {}, { once: true });
  return limit;
}
