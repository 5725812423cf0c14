/** A JSON object of somebody else's, whose fields are still to be looked at. */
export type UnknownObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is UnknownObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the object, or one without fields where it is none. */
export function objectOf(value: unknown): UnknownObject {
  return isObject(value) ? value : {};
}

/** Returns the string, or "". */
export function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Returns the strings of a list; none where it is no list. */
export function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Returns what the JSON is, or undefined where it is none. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Returns the object that the JSON is, or undefined where it is none. */
export function parseObject(json: string): UnknownObject | undefined {
  const value = parseJson(json);
  return isObject(value) ? value : undefined;
}
