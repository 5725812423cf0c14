import { isObject } from "../core/json-object.ts";
import type { Header } from "../net/http-message.ts";
import type { JsonObject } from "./json.ts";
import { encodedValue } from "./request-headers.ts";

/** One argument that an HTTP client mirrors in a header `Mcp-Param-NAME`. */
export interface ParamHeader {
  readonly path: readonly string[];
  readonly name: string;
}

export type ParamHeaders =
  | { readonly status: "ok"; readonly headers: readonly ParamHeader[] }
  /** A client over HTTP must leave such a tool out of its list. */
  | { readonly status: "invalid"; readonly reason: string };

const annotation = "x-mcp-header";
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const primitive: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"]);

/** Keys under which values stand, and no schemas. */
const isData: ReadonlySet<string> = new Set([annotation, "const", "enum", "default", "examples"]);

/** A schema nested deeper than any that a person or generator writes. */
const maxDepth = 64;

/**
 * Returns which arguments a tool's `inputSchema` wants in headers, by its `x-mcp-header` annotations: on primitive
 * properties reached through `properties` alone, each name once.
 * Source: MCP 2026-07-28 basic/transports, SEP-2243.
 */
export function paramHeadersOf(inputSchema: unknown): ParamHeaders {
  const headers: ParamHeader[] = [];
  const names = new Set<string>();
  const visit = (schema: unknown, path: readonly string[], isReachable: boolean, depth: number): string | undefined => {
    if (depth > maxDepth) return undefined;
    if (Array.isArray(schema)) return firstDefect(schema.map((part) => visit(part, path, false, depth + 1)));
    if (!isObject(schema)) return undefined;
    const where = path.join(".") || "the schema";
    if (Object.hasOwn(schema, annotation)) {
      const name = schema[annotation];
      if (!isReachable || path.length === 0) return `${where}: ${annotation} stands where no argument is`;
      if (typeof name !== "string" || !token.test(name)) return `${where}: ${annotation} is not a header name`;
      if (!primitive.has(schema.type)) return `${where}: ${annotation} stands on what is no string, integer or boolean`;
      if (names.has(name.toLowerCase())) return `${where}: ${annotation} ${JSON.stringify(name)} stands twice`;
      names.add(name.toLowerCase());
      headers.push({ path, name });
    }
    return firstDefect(
      Object.entries(schema).map(([key, value]) => {
        if (isData.has(key)) return undefined;
        if (key !== "properties") return visit(value, [...path, key], false, depth + 1);
        const properties = Object.entries(isObject(value) ? value : {});
        return firstDefect(properties.map(([name, part]) => visit(part, [...path, name], isReachable, depth + 1)));
      }),
    );
  };
  const reason = visit(inputSchema, [], true, 0);
  return reason === undefined ? { status: "ok", headers } : { status: "invalid", reason };
}

/** Returns the headers for one call's arguments; what is absent or null has none. */
export function headersOfArguments(wanted: readonly ParamHeader[], args: JsonObject | undefined): Header[] {
  return wanted.flatMap(({ path, name }) => {
    const value = valueAt(args, path);
    const text = typeof value === "string" ? value : isPlain(value) ? String(value) : undefined;
    if (text === undefined) return [];
    // An empty value would be no header to some servers.
    return [[`mcp-param-${name.toLowerCase()}`, text === "" ? "=?base64??=" : encodedValue(text)]];
  });
}

/** Integers beyond 2^53 have no one spelling. */
function isPlain(value: unknown): value is number | boolean {
  if (typeof value === "boolean") return true;
  return (
    typeof value === "number" && (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)))
  );
}

function valueAt(args: JsonObject | undefined, path: readonly string[]): unknown {
  let value: unknown = args;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function firstDefect(defects: readonly (string | undefined)[]): string | undefined {
  return defects.find((defect) => defect !== undefined);
}
