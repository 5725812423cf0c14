/** What a command line program touches of its process; tests hand in their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The working directory was deleted, and `cwd` is `/` in its place. */
  readonly isCwdGone?: boolean;
  /** Writes results. */
  readonly writeOut: (text: string) => void;
  /** Writes talk. */
  readonly writeError: (text: string) => void;
  readonly outIsTerminal: boolean;
  readonly errorIsTerminal: boolean;
  /** Aborted by SIGINT, SIGTERM, or a SIGHUP that nobody took; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Leaves SIGINT, SIGTERM and SIGHUP to whoever else listens; for a command that hands them on. */
  readonly releaseSignals?: () => void;
  /** Gives SIGHUP to a service, which reads its files again and goes on; returns how to give it back. */
  readonly takeHangup?: (handle: () => void) => () => void;
}

/** Returns whether to colour: only on a terminal, never with `--no-color`, NO_COLOR or TERM=dumb (no-color.org). */
export function wantsColor({ terminal, optedOut }: { terminal: Terminal; optedOut: boolean }): boolean {
  const { NO_COLOR, TERM } = terminal.env;
  return terminal.errorIsTerminal && !optedOut && (NO_COLOR ?? "") === "" && TERM !== "dumb";
}

/** Returns whether a person is at the other end. */
export function hasTerminal({
  outIsTerminal,
  errorIsTerminal,
}: Pick<Terminal, "outIsTerminal" | "errorIsTerminal">): boolean {
  return outIsTerminal || errorIsTerminal;
}
