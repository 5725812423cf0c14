import type { JsonObject } from "../mcp/json.ts";
import type { ParamHeader } from "../mcp/param-headers.ts";
import type { UpstreamRights } from "./rights.ts";
import type { Purpose, Sealer } from "./seal.ts";
import type { TaskTools } from "./task-handle.ts";
import type { UpstreamCaller } from "./upstream/upstream.ts";

/** One caller's view of one upstream: what it may see, and how what it keeps for us is sealed. */
export interface View {
  readonly caller: UpstreamCaller;
  readonly upstream: string;
  readonly rights: UpstreamRights;
  /** The configured capability, to tell a caller what it lacks. */
  readonly capability: string | undefined;
  readonly sealer: Sealer;
  readonly learnt: Learnt;
}

/** What the lists of an upstream told of its tools, as far as any passed by. */
export interface Learnt {
  /** Tool names by the `ui://` URI that their `_meta` names. */
  readonly uiTools: Map<string, Set<string>>;
  /** By tool, which arguments its callers mirror in headers; tools without any are left out. */
  readonly paramHeaders: Map<string, readonly ParamHeader[]>;
  readonly taskTools: TaskTools;
}

/** Returns what binds everything sealed in this view: nobody else's, and no other upstream's, opens. */
export function bindingOf({ upstream, caller }: Pick<View, "upstream" | "caller">): string {
  return `private\0${upstream}\0${caller.key}`;
}

/** Returns `fields` with the text at `key` sealed, if there is one. */
export function sealAt(fields: JsonObject, { key, purpose, view }: SealedField): JsonObject {
  const value = fields[key];
  if (typeof value !== "string") return fields;
  return { ...fields, [key]: view.sealer.seal(value, purpose, bindingOf(view)) };
}

/** Returns `fields` with the sealed text at `key` opened, if there is one; undefined where it is none of this view's. */
export function openAt(fields: JsonObject, { key, purpose, view }: SealedField): JsonObject | undefined {
  const value = fields[key];
  if (value === undefined) return fields;
  const opened = typeof value === "string" ? view.sealer.open(value, purpose, bindingOf(view)) : undefined;
  return opened === undefined ? undefined : { ...fields, [key]: opened };
}

export interface SealedField {
  readonly key: string;
  readonly purpose: Purpose;
  readonly view: View;
}
