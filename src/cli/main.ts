import { type Command, CommanderError } from "commander";
import { TsmcpError } from "../core/errors.ts";
import type { Session } from "./command.ts";
import { allCommands } from "./commands.ts";
import { describeFailure } from "./failure.ts";
import { exitCodeOfSignal } from "./process-terminal.ts";
import { createProgram, usageError } from "./program.ts";
import type { Terminal } from "./terminal.ts";

/** Runs one command line (without `node` and the script's name) and returns its exit code. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const session: Session = { terminal, exitCode: 0, json: asksForJson(argv, terminal) };
  const program = createProgram(session, allCommands(session));
  try {
    if (argv.length === 0) {
      terminal.writeError(program.helpInformation());
      return 2;
    }
    await program.parseAsync(argv, { from: "user" });
    return terminal.signal.aborted && session.exitCode === 1
      ? exitCodeOfSignal(terminal.signal.reason)
      : session.exitCode;
  } catch (error) {
    const failure =
      error instanceof CommanderError ? usageError(error, typedCommand(argv, program)) : ownSignal(error, terminal);
    if (failure === "done") return 0;
    const text = describeFailure(failure, { json: session.json });
    terminal.writeOut(text.stdout);
    terminal.writeError(text.stderr);
    return terminal.signal.aborted ? exitCodeOfSignal(terminal.signal.reason) : text.exitCode;
  }
}

function typedCommand(argv: readonly string[], { commands }: Command): string | undefined {
  return commands.map((command) => command.name()).find((name) => argv.includes(name));
}

/** What the user's own signal broke off is no bug, whatever was thrown for it. */
function ownSignal(error: unknown, { signal }: Terminal): unknown {
  const isTold = error instanceof TsmcpError;
  return !signal.aborted || isTold
    ? error
    : new TsmcpError({ code: "interrupted", message: `stopped by ${String(signal.reason)}`, cause: error });
}

/** Known before the options are parsed, because a failure to parse them is told in JSON too. */
function asksForJson(argv: readonly string[], terminal: Terminal): boolean {
  const end = argv.indexOf("--");
  const own = end === -1 ? argv : argv.slice(0, end);
  return own.includes("--json") || /^(1|true|yes|on)$/i.test(terminal.env.TSMCP_JSON ?? "");
}
