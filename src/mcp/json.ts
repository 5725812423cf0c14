import { isObject, type UnknownObject } from "../core/json-object.ts";

export type JsonObject = UnknownObject;

/** Returns the string at `key`, or undefined when there is no object, no key or another kind of value. */
export function stringAt(value: unknown, key: string): string | undefined {
  const field = isObject(value) ? value[key] : undefined;
  return typeof field === "string" ? field : undefined;
}

/** Returns the object at `key`, or undefined. */
export function objectAt(value: unknown, key: string): JsonObject | undefined {
  const field = isObject(value) ? value[key] : undefined;
  return isObject(field) ? field : undefined;
}
