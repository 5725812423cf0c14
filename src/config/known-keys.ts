import { suggestKey } from "../core/validation.ts";
import schema from "./config.schema.json" with { type: "json" };

/** What of a schema leads from one key to the next. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly $ref?: string;
  readonly [keyword: string]: unknown;
}

/** Returns ` (did you mean "x"?)` for the last key of `path` when the schema knows a near one there, else nothing. */
export function suggestionFor(path: string): string {
  const keys = path.split(".");
  return suggestKey(keys.at(-1) ?? "", knownKeys(keys.slice(0, -1)));
}

/** Returns the keys of an object of the configuration; none where any name will do. */
export function knownKeys(path: readonly string[]): readonly string[] {
  const root: SchemaNode = schema;
  const definitions: Readonly<Record<string, SchemaNode>> = schema.definitions;
  let at: SchemaNode | undefined = root;
  for (const key of path) {
    const open: SchemaNode | undefined =
      typeof at?.additionalProperties === "object" ? at.additionalProperties : undefined;
    at = at?.properties?.[key] ?? open ?? at?.items;
    const reference: string | undefined = at?.$ref?.split("/").at(-1);
    if (reference !== undefined) at = definitions[reference];
  }
  return Object.keys(at?.properties ?? {});
}
