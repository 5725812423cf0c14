import type { AgentEntry } from "./dialect.ts";

/** Returns the entry in the form that nearly all agents share: `command` with `args`, or one of `urlKeys`. */
export function readEntryWith(urlKeys: readonly string[]): (entry: unknown) => AgentEntry | undefined {
  return (entry) => {
    const command = fieldOf(entry, "command");
    if (typeof command === "string") {
      const args = fieldOf(entry, "args");
      const texts = Array.isArray(args) ? args.filter((arg) => typeof arg === "string") : [];
      return { kind: "command", command, args: texts };
    }
    const url = urlKeys.map((key) => fieldOf(entry, key)).find((value) => typeof value === "string");
    return url === undefined ? undefined : { kind: "url", url };
  };
}

/** Whether somebody switched the entry off where it stands; agents do not agree on the word. */
export function isSwitchedOff(entry: unknown): boolean {
  return fieldOf(entry, "disabled") === true || fieldOf(entry, "enabled") === false;
}

/** Returns the value at `keys` of nested data, or undefined. */
export function fieldOf(data: unknown, ...keys: readonly string[]): unknown {
  let at = data;
  for (const key of keys) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}

/** Returns the texts of an array, and those in `keys` of its objects; undefined where it is no array. */
export function namesIn(list: unknown, ...keys: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((item) =>
    [item, ...keys.map((key) => fieldOf(item, key))].filter((value) => typeof value === "string"),
  );
}
