import { isObject, type JsonObject, objectAt, stringAt } from "../../../mcp/json.ts";
import { maxHandleBytes } from "../upstream.ts";

/** What takes a session with a stdio server up again, after a restart of the gateway too. */
export interface StdioHandle {
  readonly id: string;
  /** Which of several children. */
  readonly place: number;
  /** The caller's `initialize`, as far as it fits. */
  readonly params: JsonObject;
}

export function handleText({ id, place, params }: StdioHandle): string {
  const { protocolVersion, capabilities } = params;
  const clientInfo = objectAt(params, "clientInfo");
  const base = { protocolVersion, clientInfo: { name: clientInfo?.name, version: clientInfo?.version } };
  const texts = [capabilities, keysOnly(capabilities), {}].map((kept) =>
    JSON.stringify({ id, place, params: { ...base, capabilities: kept } }),
  );
  return texts.find((text) => Buffer.byteLength(text) <= maxHandleBytes) ?? JSON.stringify({ id, place, params: {} });
}

export function parseHandle(text: string): StdioHandle | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const id = stringAt(value, "id");
    const place = isObject(value) ? value.place : undefined;
    const params = objectAt(value, "params");
    if (id === undefined || params === undefined || typeof place !== "number") return undefined;
    return { id, place, params };
  } catch {
    return undefined;
  }
}

/** Which capabilities there are is more than half of what a server wants to know. */
function keysOnly(capabilities: unknown): JsonObject {
  return isObject(capabilities) ? Object.fromEntries(Object.keys(capabilities).map((key) => [key, {}])) : {};
}
