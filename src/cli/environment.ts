import type { Command, Option } from "commander";
import { TsmcpError } from "../core/errors.ts";

/** Returns the variable that stands for an option: `--connect-to` is `TSMCP_CONNECT_TO`, `--no-verify` `TSMCP_NO_VERIFY`. */
export function variableOf(option: Option): string {
  return `TSMCP_${option.name().replaceAll("-", "_").toUpperCase()}`;
}

/**
 * Fills in the options that were not typed, but for those named in `except`, from their `TSMCP_…` variables. Lists are separated by commas or line
 * breaks; flags are 1, true, yes, on or 0, false, no, off. An empty variable counts as unset.
 * Throws `usage-invalid`, which names the variable.
 */
export function applyEnvironment(
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
  except: readonly string[] = [],
): void {
  for (const option of command.options) {
    if (except.includes(option.name()) || isTyped(command, option.attributeName())) continue;
    const variable = variableOf(option);
    const text = env[variable];
    if (text === undefined || text === "") continue;
    command.setOptionValueWithSource(option.attributeName(), optionValue(option, variable, text), "env");
  }
}

/** Common options may stand before the command's name; typed there, they still beat the environment. */
function isTyped(command: Command, name: string): boolean {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    if (at.getOptionValueSource(name) === "cli") return true;
  }
  return false;
}

function optionValue(option: Option, variable: string, text: string): unknown {
  if (option.negate) return !flagOf(variable, text);
  if (option.isBoolean()) return flagOf(variable, text);
  const texts =
    option.variadic || Array.isArray(option.defaultValue) ? text.split(/[,\n]/).map((part) => part.trim()) : [text];
  const values = texts.filter((part) => part !== "");
  const parse = option.parseArg;
  if (parse !== undefined) {
    return values.reduce<unknown>((previous, value) => parse(value, previous), undefined);
  }
  return option.variadic || Array.isArray(option.defaultValue) ? values : values[0];
}

function flagOf(variable: string, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${variable}: ${JSON.stringify(text)} is neither yes nor no`,
    hint: `set ${variable} to 1 or 0`,
  });
}
