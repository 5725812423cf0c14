import type { Daemon, JoinKey } from "../daemon/daemon.ts";
import type { Faults } from "../faults.ts";
import type { Tailnet } from "../tailnet.ts";

/** Everything that the stand-ins for `tailscale` and `tailscaled` act on. */
export interface ProgramWorld {
  readonly tailnet: Tailnet;
  readonly faults: Faults;
  readonly keys: readonly JoinKey[];
  /** Running ones, by their sockets. */
  readonly daemons: Map<string, Daemon>;
  /** What ends those of the stand-ins as `kill -9` does. */
  readonly killers: Map<Daemon, () => void>;
  /** The server's, where `--socket` names none. */
  readonly defaultSocket: string;
}

/** One call of a stand-in: what it was given, and where it speaks. */
export interface Call {
  readonly argv: readonly string[];
  /** What the files hold that arguments name as `file:PATH`, or the system's code where they could not be read. */
  readonly files: Readonly<Record<string, { readonly text: string } | { readonly code: string }>>;
  /** The machine's name. */
  readonly hostname: string;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Names the signals by which the caller is told to end; any other ends it on the spot. */
  readonly takes: (signals: readonly NodeJS.Signals[]) => void;
  /** Ends the caller as `kill -9` does. */
  readonly kill: () => void;
  /** Fires when the caller is gone, or, with the reason `told`, when it was told to end. */
  readonly signal: AbortSignal;
}

export const told = "told to end";

/** A subcommand of `tailscale`, and what it works on. */
export interface Invocation {
  readonly call: Call;
  readonly daemon: Daemon;
  readonly world: ProgramWorld;
  readonly flags: ReadonlyMap<string, string>;
  readonly words: readonly string[];
  /** The subcommand's. */
  readonly name: string;
}

/** Says so, and returns the exit code: what is wrong is the sandbox, and not how it was asked. */
export function notImitated({ writeError }: Call, what: string): number {
  writeError(`the sandbox does not imitate ${JSON.stringify(what)}\n`);
  return 1;
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
