import { parseArgs } from "node:util";
import { urlsAsTyped } from "../config/server.ts";
import type { Verbosity } from "../core/log.ts";
import { type BridgeValues, bridgeFlags } from "./bridge-options.ts";

/** What the short entry can run by itself, or `delegate`: commander's entry knows the rest, and tells what is wrong. */
export type BridgeCall =
  | {
      readonly kind: "run";
      readonly urls: readonly [string, ...string[]];
      readonly values: BridgeValues;
      readonly verbosity: Verbosity;
    }
  | { readonly kind: "delegate" };

const options = {
  quiet: { type: "boolean" },
  verbose: { type: "boolean" },
  ...Object.fromEntries(
    bridgeFlags.map(({ name, value, repeatable }) => [
      name,
      value === undefined ? { type: "boolean" as const } : { type: "string" as const, multiple: repeatable === true },
    ]),
  ),
} as const;

/**
 * Returns how to run `tsmcp bridge ARGV`. Names, help, mistakes and whatever else is rare are delegated, so that an
 * agent's start loads neither commander nor the configuration.
 */
export function readBridgeCall(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): BridgeCall {
  const parsed = parse(argv);
  const [word, ...others] = parsed?.positionals ?? [];
  if (parsed === undefined || word === undefined || others.length > 0 || !word.includes("://")) return delegate;
  // How a variable says yes or no, commander's entry knows.
  if (switches.some((name) => env[variableName(name)])) return delegate;
  const typed = new Map(Object.entries(parsed.values));
  const values = bridgeFlags.map((flag) => [flag.name, typed.get(flag.name) ?? variable(flag, env)]);
  const verbosity = typed.get("verbose") === true ? "verbose" : typed.get("quiet") === true ? "quiet" : "normal";
  return { kind: "run", urls: urlsAsTyped(word, "URL"), values: Object.fromEntries(values), verbosity };
}

const switches = [
  ...["quiet", "verbose", "json"],
  ...bridgeFlags.flatMap(({ name, value }) => (value === undefined ? [name] : [])),
];

const delegate: BridgeCall = { kind: "delegate" };

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch {
    return undefined;
  }
}

/** As `applyEnvironment` reads them: lists are separated by commas or line breaks, an empty variable is unset. */
function variable(
  { name, repeatable, hasOwnVariable }: (typeof bridgeFlags)[number],
  env: Readonly<Record<string, string | undefined>>,
): string | readonly string[] | undefined {
  const text = env[variableName(name)];
  if (hasOwnVariable === true || text === undefined || text === "") return undefined;
  return repeatable === true ? text.split(/[,\n]/).map((part) => part.trim()) : text;
}

function variableName(name: string): string {
  return `TSMCP_${name.replaceAll("-", "_").toUpperCase()}`;
}
