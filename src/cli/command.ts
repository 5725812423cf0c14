import { Command, Option } from "commander";
import { parseDurationMs } from "../core/duration.ts";
import type { CommandContext } from "./context.ts";
import { contextOf } from "./context.ts";
import type { Terminal } from "./terminal.ts";

/** What the commands share while one of them runs: the terminal, and the exit code it leaves. */
export interface Session {
  readonly terminal: Terminal;
  exitCode: number;
  /** Set as soon as the command's options are read, so that a failure is told in the form that was asked for. */
  json: boolean;
}

/**
 * Returns a command with the common options. `run` gets the context, the typed options and the arguments, and returns
 * the exit code.
 */
export function createCommand<Options extends object>(definition: {
  readonly session: Session;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Command lines worth copying, without the prompt. */
  readonly examples: readonly string[];
  readonly arguments?: readonly (readonly [flags: string, description: string])[];
  readonly options?: readonly Option[];
  /** Options whose TSMCP_ variable the command reads itself, because other places come before it. */
  readonly ownVariables?: readonly string[];
  readonly run: (context: CommandContext, options: Options, args: readonly string[]) => Promise<number>;
}): Command {
  const { session, name } = definition;
  const command = new Command(name).summary(definition.summary).description(definition.description);
  for (const [flags, description] of definition.arguments ?? []) command.argument(flags, description);
  for (const option of definition.options ?? []) command.addOption(option);
  for (const option of commonOptions()) command.addOption(option);
  const examples = definition.examples.map((example) => `  $ ${example}`).join("\n");
  command.addHelpText(
    "after",
    `\nExamples:\n${examples}\n\nEvery option also reads TSMCP_ and its name: --connect-to is TSMCP_CONNECT_TO.`,
  );
  return command.action(async () => {
    const context = contextOf(command, session.terminal, definition.ownVariables);
    session.json = context.json;
    session.exitCode = await definition.run(context, command.opts<Options>(), command.args);
  });
}

/** The options of CONTRACT "Everywhere"; each command has them, and so has the program itself. */
export function commonOptions(): Option[] {
  return [
    new Option("--json", "print the result as JSON, and nothing else, on stdout"),
    new Option("--quiet", "say only what went wrong"),
    new Option("--verbose", "say more"),
    new Option("--config <file>", "read the configuration from this file, and trust it"),
    new Option("--socket <path>", "tailscaled's socket (default: what up recorded for this boot, then the system's)"),
    new Option("--no-color", "no colours; NO_COLOR works too"),
  ];
}

/** Returns an option that may be given several times, each time with one value. */
export function repeatedOption(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], "")
    .argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
}

/** Returns an option that takes a duration (`90s`) and yields milliseconds. */
export function durationOption(flags: string, description: string, defaultText?: string): Option {
  const option = new Option(flags, description);
  option.argParser((text: string) => parseDurationMs(text, `--${option.name()}`));
  return defaultText === undefined
    ? option
    : option.default(parseDurationMs(defaultText, `--${option.name()}`), defaultText);
}
