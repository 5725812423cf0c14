import { isObject } from "../core/json-object.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";
import type { RequestMessage } from "../mcp/message.ts";
import { paramHeadersOf } from "../mcp/param-headers.ts";
import type { RightKind } from "./rights.ts";
import type { Era } from "./screen-request.ts";
import { sealRelatedTask, sealTask, toolOf } from "./task-handle.ts";
import { sealAt, type View } from "./view.ts";

/** Returns an upstream's result as the caller may see it. Pure, but for what it learns of `ui://` resources and tasks. */
export function screenResult(
  request: RequestMessage,
  result: JsonObject,
  { era, view }: { era: Era; view: View },
): JsonObject {
  const { method } = request;
  const screened = screenByMethod(method, result, view);
  const sealed = sealResult(screened, toolOf(request, view), view);
  if (era === "legacy" || !("cacheScope" in sealed || cacheable.has(method))) return sealed;
  // What it says depends on who asks.
  return { ...sealed, ttlMs: typeof sealed.ttlMs === "number" ? sealed.ttlMs : 0, cacheScope: "private" };
}

/** Source: MCP 2026-07-28, SEP-2549. */
const cacheable: ReadonlySet<string> = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

/** The capabilities that the gateway understands all methods of; `experimental` is anybody's. */
const knownCapabilities = ["tools", "prompts", "resources", "logging", "completions"];

/** The same of extensions: MCP Apps, whose pages come with their tools, and the tasks of the modern era (SEP-2663). */
const knownExtensions = ["io.modelcontextprotocol/ui", "io.modelcontextprotocol/tasks"];

/** These lists change with the caller's rights, which the gateway tells by itself. */
const changing: ReadonlySet<string> = new Set(["tools", "prompts", "resources"]);

function screenByMethod(method: string, result: JsonObject, view: View): JsonObject {
  switch (method) {
    case "initialize":
    case "server/discover":
      return { ...result, capabilities: screenCapabilities(objectAt(result, "capabilities") ?? {}) };
    case "tools/list":
      return filterList(result, { list: "tools", field: "name", kind: "tools", view });
    case "prompts/list":
      return filterList(result, { list: "prompts", field: "name", kind: "prompts", view });
    case "resources/list":
      return filterList(result, { list: "resources", field: "uri", kind: "resources", view });
    case "resources/templates/list":
      return filterList(result, { list: "resourceTemplates", field: "uriTemplate", kind: "resources", view });
    case "tools/call":
    case "tasks/result":
      return Array.isArray(result.content) ? { ...result, content: withoutDeniedLinks(result.content, view) } : result;
    case "prompts/get":
      return Array.isArray(result.messages) ? { ...result, messages: messagesWithout(result.messages, view) } : result;
    default:
      return result;
  }
}

function screenCapabilities(capabilities: JsonObject): JsonObject {
  const { tasks } = capabilities;
  const known = Object.fromEntries(
    knownCapabilities.flatMap((name) => {
      const offered = capabilities[name];
      if (!isObject(offered)) return [];
      return [[name, changing.has(name) ? { ...offered, listChanged: true } : offered]];
    }),
  );
  const extensions = Object.fromEntries(
    knownExtensions.flatMap((name) => {
      const offered = objectAt(objectAt(capabilities, "extensions"), name);
      return offered === undefined ? [] : [[name, offered]];
    }),
  );
  const all = Object.keys(extensions).length === 0 ? known : { ...known, extensions };
  if (!isObject(tasks)) return all;
  // A list of tasks would be everybody's.
  const { list: _list, ...offered } = tasks;
  return { ...all, tasks: offered };
}

function filterList(
  result: JsonObject,
  { list, field, kind, view }: { list: string; field: string; kind: RightKind; view: View },
): JsonObject {
  const items = Array.isArray(result[list]) ? result[list] : [];
  const seen = items.filter((item) => {
    const name = stringAt(item, field);
    return name !== undefined && view.rights.may(kind, name);
  });
  if (kind === "tools") for (const tool of seen) learn(tool, view);
  return { ...result, [list]: seen };
}

/** The most tools and pages that are kept for one upstream. */
const maxLearnt = 2_000;

function learn(tool: unknown, { learnt: { uiTools, paramHeaders } }: View): void {
  const name = stringAt(tool, "name");
  if (name === undefined || !isObject(tool)) return;
  const wanted = paramHeadersOf(tool.inputSchema);
  if (wanted.status === "ok" && wanted.headers.length > 0 && paramHeaders.size < maxLearnt) {
    paramHeaders.set(name, wanted.headers);
  } else paramHeaders.delete(name);
  const uri = stringAt(objectAt(objectAt(tool, "_meta"), "ui"), "resourceUri");
  if (uri === undefined || !uri.startsWith("ui://")) return;
  const known = uiTools.get(uri);
  if (known !== undefined) known.add(name);
  else if (uiTools.size < maxLearnt) uiTools.set(uri, new Set([name]));
}

function messagesWithout(messages: readonly unknown[], view: View): unknown[] {
  return messages.filter((message) => !isObject(message) || !isDeniedLink(message.content, view));
}

/** A server may answer with more than the resource that was asked for, such as all that a directory holds. */
export function onlyAllowedContents(
  result: JsonObject,
  { request, view }: { readonly request: RequestMessage; readonly view: View },
): JsonObject {
  if (!Array.isArray(result.contents)) return result;
  const asked = request.params?.uri;
  const contents = result.contents.filter((item) => {
    const uri = stringAt(item, "uri");
    return uri !== undefined && (uri === asked || view.rights.may("resources", uri));
  });
  return { ...result, contents };
}

/** Content that is embedded comes with the call; a link is only a name, and names are what rights hide. */
function withoutDeniedLinks(content: readonly unknown[], view: View): unknown[] {
  return content.filter((item) => !isDeniedLink(item, view));
}

function isDeniedLink(item: unknown, { rights }: View): boolean {
  if (!isObject(item) || item.type !== "resource_link") return false;
  return typeof item.uri !== "string" || !rights.may("resources", item.uri);
}

function sealResult(result: JsonObject, tool: string | undefined, view: View): JsonObject {
  let sealed = sealAt(result, { key: "nextCursor", purpose: "cursor", view });
  sealed = sealAt(sealed, { key: "requestState", purpose: "state", view });
  sealed = sealTask(sealed, tool, view);
  const task = objectAt(sealed, "task");
  if (task !== undefined) sealed = { ...sealed, task: sealTask(task, tool, view) };
  return sealRelatedTask(sealed, view);
}
