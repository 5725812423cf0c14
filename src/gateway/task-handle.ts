import { parseJson } from "../core/json-object.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";
import type { RequestMessage } from "../mcp/message.ts";
import { createRecent, type Recent } from "./recent.ts";
import { bindingOf, type View } from "./view.ts";

/** Something that a tool is still at: who may no longer call the tool has no task of it either. */
export interface Task {
  readonly tool: string;
  readonly id: string;
}

/** The tools of tasks, for what a server says of a task on its own. */
export type TaskTools = Recent<string>;

const maxTaskTools = 2_000;

export function createTaskTools(): TaskTools {
  return createRecent(maxTaskTools);
}

/** Returns the task that a request names, by the id that was given to this caller. */
export function taskOf({ params }: Pick<RequestMessage, "params">, view: View): Task | undefined {
  const text = stringAt(params, "taskId");
  const opened = text === undefined ? undefined : view.sealer.open(text, "task", bindingOf(view));
  const pair = opened === undefined ? undefined : parseJson(opened);
  if (!Array.isArray(pair) || pair.length !== 2) return undefined;
  const [tool, id]: readonly unknown[] = pair;
  if (typeof tool !== "string" || typeof id !== "string") return undefined;
  view.learnt.taskTools.set(keyOf(id, view), tool);
  return { tool, id };
}

/** Returns the tool that a request is about. */
export function toolOf(request: RequestMessage, view: View): string | undefined {
  return request.method === "tools/call" ? stringAt(request.params, "name") : taskOf(request, view)?.tool;
}

/**
 * Returns `fields` with the id of the tool's task as the caller may have it: with the tool in it, for a replica that
 * never heard of the call, and the same each time, because callers compare it.
 */
export function sealTask(fields: JsonObject, tool: string | undefined, view: View): JsonObject {
  const { taskId: id, ...rest } = fields;
  if (typeof id !== "string") return fields;
  if (tool === undefined) return rest;
  view.learnt.taskTools.set(keyOf(id, view), tool);
  return { ...fields, taskId: view.sealer.sealStable(JSON.stringify([tool, id]), "task", bindingOf(view)) };
}

const relatedTask = "io.modelcontextprotocol/related-task";

/** Returns `fields` with the task that its `_meta` names sealed like every other id of a task. */
export function sealRelatedTask(fields: JsonObject, view: View): JsonObject {
  return withRelatedTask(fields, (task) => sealTask(task, knownToolOf(task, view), view));
}

/** Returns what a caller says with the task that its `_meta` names as the server knows it; one that is not its own is left out. */
export function openRelatedTask(fields: JsonObject, view: View): JsonObject {
  return withRelatedTask(fields, (task) => {
    const { taskId: _given, ...rest } = task;
    const known = taskOf({ params: task }, view);
    return known !== undefined && view.rights.may("tools", known.tool) ? { ...rest, taskId: known.id } : rest;
  });
}

function withRelatedTask(fields: JsonObject, change: (task: JsonObject) => JsonObject): JsonObject {
  const meta = objectAt(fields, "_meta");
  const task = objectAt(meta, relatedTask);
  if (meta === undefined || task === undefined) return fields;
  return { ...fields, _meta: { ...meta, [relatedTask]: change(task) } };
}

/** Returns the tool of a task by the server's own id, as far as the caller's were seen here. */
export function knownToolOf(task: JsonObject | undefined, view: View): string | undefined {
  const id = stringAt(task, "taskId");
  return id === undefined ? undefined : view.learnt.taskTools.get(keyOf(id, view));
}

function keyOf(id: string, view: View): string {
  return `${bindingOf(view)}\0${id}`;
}
