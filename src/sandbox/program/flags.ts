/** A flag's kind; `text` takes the next argument where none stands behind `=`. The real one alone knows the `unimitated`. */
export type FlagKinds = Readonly<Record<string, "text" | "switch" | "unimitated">>;

export type ParsedFlags =
  | { readonly kind: "parsed"; readonly flags: ReadonlyMap<string, string>; readonly rest: readonly string[] }
  | { readonly kind: "invalid"; readonly message: string }
  | { readonly kind: "unimitated"; readonly name: string };

/** Returns these as flags that the real one alone knows. */
export function unimitated(...names: readonly string[]): FlagKinds {
  return Object.fromEntries(names.map((name) => [name, "unimitated"]));
}

/** Reads arguments as Go's `flag` does: one dash or two, and no flag after the first word that is none. */
export function parseFlags(argv: readonly string[], kinds: FlagKinds): ParsedFlags {
  const flags = new Map<string, string>();
  for (let at = 0; at < argv.length; at += 1) {
    const [, name, value] = /^--?([^=-][^=]*)(?:=([\s\S]*))?$/.exec(argv[at] ?? "") ?? [];
    if (name === undefined) return { kind: "parsed", flags, rest: argv.slice(argv[at] === "--" ? at + 1 : at) };
    const kind = kinds[name];
    if (kind === undefined) return { kind: "invalid", message: `flag provided but not defined: -${name}` };
    if (kind === "unimitated") return { kind, name };
    if (kind === "switch" || value !== undefined) {
      flags.set(name, value ?? "true");
      continue;
    }
    const next = argv[at + 1];
    if (next === undefined) return { kind: "invalid", message: `flag needs an argument: -${name}` };
    flags.set(name, next);
    at += 1;
  }
  return { kind: "parsed", flags, rest: [] };
}

/** Returns whether a switch is on, as Go reads it. */
export function isOn(flags: ReadonlyMap<string, string>, name: string, otherwise = false): boolean {
  const text = flags.get(name);
  return text === undefined ? otherwise : /^(1|t|true)$/i.test(text);
}
