import { Command, type CommanderError } from "commander";
import { TsmcpError } from "../core/errors.ts";
import { version } from "../core/version.ts";
import { commonOptions, type Session } from "./command.ts";

/** Returns the command line of `tsmcp`; `argv` selects what runs. */
export function createProgram(session: Session, commands: readonly Command[]): Command {
  const program = new Command("tsmcp")
    .description(
      "Puts a machine without a TUN device on a tailnet, gives its coding agent the MCP servers there,\n" +
        "and proves that the internet sees none of them.",
    )
    .version(version, "--version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .enablePositionalOptions();
  for (const option of commonOptions()) program.addOption(option);
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .helpOption("--help", "print this help")
      .configureOutput({
        writeOut: session.terminal.writeOut,
        writeErr: session.terminal.writeError,
        // Told once, by describeFailure, with the rest of our errors.
        outputError: () => {},
      });
  }
  return program;
}

/** Returns what commander threw as one of our errors; `"done"` after `--help` and `--version`. `command` is what was typed first. */
export function usageError(error: CommanderError, command: string | undefined): TsmcpError | "done" {
  if (error.exitCode === 0) return "done";
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const guess = suggestion?.match(/Did you mean (?:one of )?(.+?)\?/)?.[1];
  return new TsmcpError({
    code: "usage-invalid",
    message: message.replace(/\.$/, ""),
    hint: guess === undefined ? usageHint(error, command) : `did you mean ${guess}?`,
    cause: error,
  });
}

function usageHint({ code, message }: CommanderError, command: string | undefined): string {
  const choices = code === "commander.invalidArgument" ? /Allowed choices are (.+?)\.?$/.exec(message)?.[1] : undefined;
  if (choices !== undefined) return `use one of ${choices}`;
  return `run "tsmcp ${command === undefined ? "" : `${command} `}--help" to see what there is`;
}
