import type { Log } from "../core/log.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";
import type { RequestMessage } from "../mcp/message.ts";
import { createToolBook, type ToolBook, withoutInvalidTools } from "../mcp/tool-book.ts";
import { earlyList, lists } from "./early-answer.ts";
import type { KnownServer } from "./known-server.ts";
import type { Memory } from "./memory.ts";

/** The lists as the agent has them, and the server's as far as they were seen. */
export interface Catalogue {
  readonly tools: ToolBook;
  /** Where the agent's list of tools came from, when it is not the server's own. */
  readonly earlyFrom: KnownServer | "nothing" | undefined;
  /** Takes a page that the server gave; returns what the agent gets. */
  told(request: RequestMessage, result: JsonObject, isModern: boolean): JsonObject;
  /** Returns what the agent gets while the server gives nothing. */
  tellEarly(method: string, isModern: boolean): Promise<JsonObject>;
  /** Returns the notifications of lists that the agent has and that may differ from the server's now, less `without`. */
  outdated(scope: "early" | "all", without: readonly string[]): readonly string[];
  /** True while a call of this name means the bridge's own tool. */
  isOwnTool(name: string): boolean;
}

/** Notified when a list has changed; the templates go with the resources. */
const changes: Readonly<Record<string, string>> = {
  "tools/list": "notifications/tools/list_changed",
  "prompts/list": "notifications/prompts/list_changed",
  "resources/list": "notifications/resources/list_changed",
  "resources/templates/list": "notifications/resources/list_changed",
};

export function createCatalogue({ memory, log }: { memory: Memory; log: Log }): Catalogue {
  const tools = createToolBook();
  const given = new Map<string, "early" | "server">();
  /** Pages so far of lists that the agent is reading, and the cursor that leads on. */
  const reading = new Map<string, { items: readonly unknown[]; next: string | undefined }>();
  const whole = new Map<string, JsonObject>();
  let earlyFrom: KnownServer | "nothing" | undefined;
  let wasEarly = false;

  const noteWhole = (method: string, result: JsonObject, cursor: string | undefined): void => {
    const key = lists[method]?.key ?? "";
    const items: readonly unknown[] = Array.isArray(result[key]) ? result[key] : [];
    const before = reading.get(method);
    // A page from elsewhere in the list: it is not the agent's first reading, or not in order.
    if (cursor !== undefined && before?.next !== cursor) return;
    const all = cursor === undefined ? items : [...(before?.items ?? []), ...items];
    const next = stringAt(result, "nextCursor");
    reading.set(method, { items: next === undefined ? [] : all, next });
    if (next !== undefined) return;
    whole.set(method, { [key]: all });
    memory.note("lists", method, { [key]: all });
  };
  return {
    tools,
    get earlyFrom() {
      return earlyFrom;
    },
    told({ method, params }, result, isModern) {
      const cursor = stringAt(params, "cursor");
      if (method === "tools/list") tools.note(result, cursor === undefined);
      const passed =
        method === "tools/list" && isModern ? withoutInvalidTools(result, (line) => log.warn(line)) : result;
      noteWhole(method, passed, cursor);
      given.set(method, "server");
      if (method === "tools/list") earlyFrom = undefined;
      return passed;
    },
    async tellEarly(method, isModern) {
      const recalled = await memory.recall();
      const known = recalled ?? { source: "cache", savedAt: undefined, openings: {}, lists: {}, isLegacyOnly: false };
      const result = earlyList(method, { ...known, lists: { ...known.lists, ...Object.fromEntries(whole) } }, isModern);
      given.set(method, "early");
      if (method === "tools/list") {
        wasEarly = true;
        earlyFrom = recalled !== undefined && objectAt(recalled.lists, method) !== undefined ? recalled : "nothing";
      }
      return result;
    },
    outdated(scope, without) {
      const methods = [...given].flatMap(([method, from]) => {
        return !without.includes(method) && (scope === "all" || from === "early") ? [method] : [];
      });
      return [...new Set(methods.flatMap((method) => changes[method] ?? []))];
    },
    isOwnTool: (name) => wasEarly && !(earlyFrom === undefined && tools.has(name)),
  };
}
