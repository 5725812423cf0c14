import { TsmcpError } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** setTimeout fires at once beyond 2^31 - 1 ms, so nothing longer may be asked for. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Returns the milliseconds of `500ms`, `30s`, `5m` or `1h`.
 * Throws `usage-invalid`, which names `label` (an option or a key), for anything else and past 24 days.
 */
export function parseDurationMs(text: string, label: string): number {
  const match = /^(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * (unitMs[match[2] ?? ""] ?? Number.NaN));
  if (!(ms <= maxTimerMs)) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${label}: ${JSON.stringify(text)} is not a duration`,
      hint: "write a number and a unit, such as 500ms, 30s or 5m",
    });
  }
  return ms;
}

/** Returns the shortest exact form: 90000 is `90s`, 1500 is `1500ms`. */
export function formatDuration(ms: number): string {
  if (ms >= 120_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  if (ms >= 1_000 && ms % 1_000 === 0) return `${ms / 1_000}s`;
  return `${Math.round(ms)}ms`;
}
