import { isObject } from "../core/json-object.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";

/** One part of a tool's result, as a person or a file can take it. */
export type Content =
  | { readonly kind: "text"; readonly text: string }
  /** `place` is where its base64 stands in the block. */
  | { readonly kind: "binary"; readonly mimeType: string; readonly bytes: Buffer; readonly block: JsonObject };

/** Returns the parts of a tool's result; where it has none, what it says in structured form. Source: MCP 2025-11-25 "Tool Result". */
export function contentsOf(result: JsonObject): readonly Content[] {
  const blocks = Array.isArray(result.content) ? result.content.filter(isObject) : [];
  if (blocks.length > 0) return blocks.map(contentOf);
  const { structuredContent } = result;
  return structuredContent === undefined ? [] : [{ kind: "text", text: JSON.stringify(structuredContent, null, 2) }];
}

/** Returns the result with each binary part's base64 replaced by the file it went to. */
export function withFiles(result: JsonObject, fileOf: (block: JsonObject) => string | undefined): JsonObject {
  if (!Array.isArray(result.content)) return result;
  const content = result.content.map((block: unknown) => {
    const file = isObject(block) ? fileOf(block) : undefined;
    if (file === undefined || !isObject(block)) return block;
    const resource = objectAt(block, "resource");
    if (resource === undefined) return { ...without(block, "data"), file };
    return { ...block, resource: { ...without(resource, "blob"), file } };
  });
  return { ...result, content };
}

function contentOf(block: JsonObject): Content {
  const resource = objectAt(block, "resource");
  const base64 = stringAt(block, "data") ?? stringAt(resource, "blob");
  if (base64 !== undefined) {
    const mimeType = stringAt(block, "mimeType") ?? stringAt(resource, "mimeType") ?? "application/octet-stream";
    return { kind: "binary", mimeType, bytes: Buffer.from(base64, "base64"), block };
  }
  const text = stringAt(block, "text") ?? stringAt(resource, "text") ?? linkText(block);
  return { kind: "text", text: text ?? JSON.stringify(block) };
}

function linkText(block: JsonObject): string | undefined {
  const uri = stringAt(block, "uri");
  const name = stringAt(block, "title") ?? stringAt(block, "name");
  return uri === undefined || name === undefined ? uri : `${name}: ${uri}`;
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
