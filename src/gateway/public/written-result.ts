import { isObject } from "../../core/json-object.ts";
import type { JsonObject } from "../../mcp/json.ts";
import type { PinnedTool } from "./pins.ts";

/** More than a tool for strangers has to say; the whole of an answer is held in memory. */
const maxResultBytes = 4 * 1024 * 1024;

/**
 * Returns a tool's result as the internet may see it, written anew: text, images and sound, and structured content that
 * fits the pinned schema. No links, no resources, no `_meta`, nothing that asks for more. Undefined for what is no such
 * result.
 */
export function writtenResult(result: JsonObject, { judgeOutput }: PinnedTool): JsonObject | undefined {
  const { content, isError, structuredContent, resultType = "complete" } = result;
  if (resultType !== "complete" || "task" in result) return undefined;
  const items = Array.isArray(content) ? content.flatMap(writtenItem) : [];
  const fits = isObject(structuredContent) && judgeOutput?.(structuredContent) === "fits";
  // A tool that promised structured content and has none, or another, would fail in its callers' hands.
  if (judgeOutput !== undefined && isError !== true && !fits) return undefined;
  const written = { content: items, ...(fits ? { structuredContent } : {}), ...(isError === true ? { isError } : {}) };
  return Buffer.byteLength(JSON.stringify(written)) > maxResultBytes ? undefined : written;
}

function writtenItem(item: unknown): JsonObject[] {
  if (!isObject(item)) return [];
  const { type, text, data, mimeType } = item;
  if (type === "text" && typeof text === "string") return [{ type, text }];
  const isBinary = type === "image" || type === "audio";
  return isBinary && typeof data === "string" && typeof mimeType === "string" ? [{ type, data, mimeType }] : [];
}
