import { isObject } from "../core/json-object.ts";
import { type JsonObject, objectAt, stringAt } from "./json.ts";
import { type ParamHeader, paramHeadersOf } from "./param-headers.ts";

/** What the server's own list says of its tools, as far as carrying their calls depends on it. */
export interface ToolBook {
  /** True once a whole list was seen. */
  readonly isComplete: boolean;
  /** Notes a page of `tools/list`; the first page starts anew. */
  note(result: JsonObject, isFirstPage: boolean): void;
  forget(): void;
  has(name: string): boolean;
  /** True when the tool says of itself that a second run does no harm. A claim, so the user has to allow it too. */
  isIdempotent(name: string): boolean;
  paramHeaders(name: string): readonly ParamHeader[];
}

interface Entry {
  readonly isIdempotent: boolean;
  readonly headers: readonly ParamHeader[];
}

export function createToolBook(): ToolBook {
  let entries = new Map<string, Entry>();
  let isComplete = false;
  return {
    get isComplete() {
      return isComplete;
    },
    note(result, isFirstPage) {
      if (isFirstPage) entries = new Map();
      for (const tool of toolsIn(result)) {
        const found = paramHeadersOf(tool.inputSchema);
        const hints = objectAt(tool, "annotations");
        entries.set(String(tool.name), {
          isIdempotent: hints?.readOnlyHint === true || hints?.idempotentHint === true,
          headers: found.status === "ok" ? found.headers : [],
        });
      }
      isComplete = stringAt(result, "nextCursor") === undefined;
    },
    forget() {
      isComplete = false;
    },
    has: (name) => entries.has(name),
    isIdempotent: (name) => entries.get(name)?.isIdempotent === true,
    paramHeaders: (name) => entries.get(name)?.headers ?? [],
  };
}

/** Returns the list without tools whose `x-mcp-header` annotations no HTTP client may follow; the same one if there are none. */
export function withoutInvalidTools(result: JsonObject, warn: (line: string) => void): JsonObject {
  const all = toolsIn(result);
  const valid = all.filter((tool) => {
    const found = paramHeadersOf(tool.inputSchema);
    if (found.status === "invalid") warn(`left out the tool ${JSON.stringify(tool.name)}: ${found.reason}`);
    return found.status === "ok";
  });
  return valid.length === all.length ? result : { ...result, tools: valid };
}

function toolsIn(result: JsonObject): readonly JsonObject[] {
  return Array.isArray(result.tools) ? result.tools.filter(isObject) : [];
}
