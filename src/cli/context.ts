import type { Command } from "commander";
import { createLog, type Log } from "../core/log.ts";
import { applyEnvironment } from "./environment.ts";
import { type Terminal, wantsColor } from "./terminal.ts";

/** What every command has: the terminal, the common options, and the two ways to speak. */
export interface CommandContext extends Terminal {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  readonly configFile: string | undefined;
  readonly socket: string | undefined;
  readonly log: Log;
  /** Prints the result: `value` as JSON with `--json`, else `text` (which ends in a line break, or is empty). */
  readonly result: (value: unknown, text: string) => void;
}

/** The common options of CONTRACT "Everywhere", as commander hands them over. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly config?: string;
  readonly socket?: string;
}

/** Returns the context of a command that is about to run; its options are completed from the environment first,
 * but for `ownVariables`. */
export function contextOf(command: Command, terminal: Terminal, ownVariables: readonly string[] = []): CommandContext {
  applyEnvironment(command, terminal.env, ownVariables);
  const common = commonOptions(command);
  const json = common.json === true;
  return {
    ...terminal,
    json,
    quiet: common.quiet === true,
    verbose: common.verbose === true,
    color: wantsColor({ terminal, optedOut: common.color === false }),
    configFile: common.config,
    socket: common.socket,
    log: createLog({
      write: terminal.writeError,
      verbosity: common.verbose === true ? "verbose" : common.quiet === true ? "quiet" : "normal",
    }),
    result: (value, text) => terminal.writeOut(json ? `${JSON.stringify(value, null, 2)}\n` : text),
  };
}

/** Common options may stand before the command or after it; the nearer one wins. */
function commonOptions(command: Command): CommonOptions {
  const merged: Record<string, unknown> = {};
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const [name, value] of Object.entries(at.opts())) {
      if (!(name in merged) && at.getOptionValueSource(name) !== "default") merged[name] = value;
    }
  }
  return merged;
}
