import { isObject } from "../../core/json-object.ts";
import { type JsonObject, objectAt } from "../../mcp/json.ts";
import { maxHandleBytes } from "./upstream.ts";

/**
 * Returns the text of a session's handle: what `rest` holds, and as much of the caller's `initialize` params as fits,
 * because with them the session can be opened again.
 */
export function handleText(rest: JsonObject, params: JsonObject): string {
  const { protocolVersion, capabilities } = params;
  const clientInfo = objectAt(params, "clientInfo");
  const base = { protocolVersion, clientInfo: { name: clientInfo?.name, version: clientInfo?.version } };
  const texts = [capabilities, keysOnly(capabilities), {}].map((kept) =>
    JSON.stringify({ ...rest, params: { ...base, capabilities: kept } }),
  );
  return texts.find((text) => Buffer.byteLength(text) <= maxHandleBytes) ?? JSON.stringify({ ...rest, params: {} });
}

/** Returns what a handle holds; undefined for a text that is none. */
export function parseHandle(text: string): (JsonObject & { readonly params: JsonObject }) | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const params = objectAt(value, "params");
    return isObject(value) && params !== undefined ? { ...value, params } : undefined;
  } catch {
    return undefined;
  }
}

/** Which capabilities there are is more than half of what a server wants to know. */
function keysOnly(capabilities: unknown): JsonObject {
  return isObject(capabilities) ? Object.fromEntries(Object.keys(capabilities).map((key) => [key, {}])) : {};
}
