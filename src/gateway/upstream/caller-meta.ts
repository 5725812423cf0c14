import { type JsonObject, objectAt } from "../../mcp/json.ts";
import type { UpstreamCaller } from "./upstream.ts";

/** Where a stdio server finds who calls, with `"identity": "headers"`. */
export const callerKey = "tsmcp/caller";

/** Returns params in which `_meta` says who calls, where that is wanted; never what the caller says of itself there. */
export function withCaller(params: JsonObject | undefined, caller: UpstreamCaller | undefined): JsonObject | undefined {
  const meta = objectAt(params, "_meta");
  if (caller === undefined && (meta === undefined || !Object.hasOwn(meta, callerKey))) return params;
  const { [callerKey]: _claimed, ...rest } = meta ?? {};
  return { ...params, _meta: caller === undefined ? rest : { ...rest, [callerKey]: describe(caller) } };
}

function describe({ login, name, picture, node, tags, grants }: UpstreamCaller): JsonObject {
  return { login, name, picture, node, tags, grants };
}
