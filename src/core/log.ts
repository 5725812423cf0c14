import { strikeSecrets } from "./secrets.ts";

/** How much is told: `quiet` only errors, `normal` what a user needs, `verbose` everything. */
export type Verbosity = "quiet" | "normal" | "verbose";

/** Talk for people, on stderr. Results never go through it. */
export interface Log {
  /** What the user should know while it happens. */
  info(line: string): void;
  /** Something is off, and it goes on. Shown even when quiet. */
  warn(line: string): void;
  /** What helps to find a fault. */
  debug(line: string): void;
}

/** Returns a log that writes whole lines to `write`, with secrets struck out. */
export function createLog({ write, verbosity }: { write: (text: string) => void; verbosity: Verbosity }): Log {
  const line = (text: string): void => write(`tsmcp: ${strikeSecrets(text)}\n`);
  return {
    info: (text) => (verbosity === "quiet" ? undefined : line(text)),
    warn: (text) => line(`warning: ${text}`),
    debug: (text) => (verbosity === "verbose" ? line(text) : undefined),
  };
}

/** A log that says nothing, for library users and tests. */
export const silentLog: Log = { info: () => {}, warn: () => {}, debug: () => {} };
