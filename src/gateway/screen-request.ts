import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";
import type { NotificationMessage, RequestMessage, ResponseMessage, RpcError } from "../mcp/message.ts";
import type { RightKind } from "./rights.ts";
import { openRelatedTask, taskOf } from "./task-handle.ts";
import { openAt, type SealedField, type View } from "./view.ts";

export type Screened =
  /** What goes to the upstream, written anew. */
  { readonly kind: "pass"; readonly request: RequestMessage } | { readonly kind: "refused"; readonly error: RpcError };

export type Era = "legacy" | "modern";

/** What a caller may ask of an upstream, and what of its `params` goes on; everything else is refused or left out. */
interface Method {
  readonly eras: readonly Era[];
  readonly fields: readonly string[];
  /** What has to be allowed: the kind, and the field that names it. */
  readonly needs?: readonly [kind: RightKind, field: string];
  readonly sealed?: readonly (readonly [key: string, purpose: SealedField["purpose"]])[];
  /** It is about a task, and needs the right to the task's tool. */
  readonly isOfTask?: boolean;
}

const both: readonly Era[] = ["legacy", "modern"];
const legacy: readonly Era[] = ["legacy"];
const modern: readonly Era[] = ["modern"];
const cursor = { fields: ["cursor"], sealed: [["cursor", "cursor"]] } as const;
const task = { fields: ["taskId"], isOfTask: true } as const;
/** A call that needs input ends, and is made again with the answers. Source: MCP 2026-07-28, SEP-2322. */
const retried = ["inputResponses", "requestState"];
const state = [["requestState", "state"]] as const;

const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["ping", { eras: legacy, fields: [] }],
  ["server/discover", { eras: modern, fields: [] }],
  ["tools/list", { eras: both, ...cursor }],
  ["prompts/list", { eras: both, ...cursor }],
  ["resources/list", { eras: both, ...cursor }],
  ["resources/templates/list", { eras: both, ...cursor }],
  [
    "tools/call",
    { eras: both, fields: ["name", "arguments", "task", ...retried], needs: ["tools", "name"], sealed: state },
  ],
  ["prompts/get", { eras: both, fields: ["name", "arguments", ...retried], needs: ["prompts", "name"], sealed: state }],
  ["resources/read", { eras: both, fields: ["uri", ...retried], needs: ["resources", "uri"], sealed: state }],
  ["resources/subscribe", { eras: legacy, fields: ["uri"], needs: ["resources", "uri"] }],
  ["resources/unsubscribe", { eras: legacy, fields: ["uri"], needs: ["resources", "uri"] }],
  ["completion/complete", { eras: both, fields: ["ref", "argument", "context"] }],
  ["logging/setLevel", { eras: legacy, fields: ["level"] }],
  ["subscriptions/listen", { eras: modern, fields: ["notifications"] }],
  ["tasks/get", { eras: both, ...task }],
  ["tasks/result", { eras: legacy, ...task }],
  ["tasks/update", { ...task, eras: modern, fields: ["taskId", "inputResponses"] }],
  ["tasks/cancel", { eras: both, ...task }],
]);

export const methodNotFound: RpcError = { code: -32601, message: "Method not found" };

/** Outside −32768…−32000, which belong to JSON-RPC and MCP. */
export const deniedCode = 403;

/** Returns what a method is about, the kind and the field that names it; undefined where it is about nothing single. */
export function needOf(method: string): readonly [kind: RightKind, field: string] | "unknown" | undefined {
  const known = methods.get(method);
  return known === undefined && method !== "initialize" ? "unknown" : known?.needs;
}

/** Returns the request as it goes to the upstream, or why it does not. Pure. */
export function screenRequest(request: RequestMessage, era: Era, view: View): Screened {
  const method = methods.get(request.method);
  if (method === undefined || !method.eras.includes(era)) return refused(methodNotFound);
  const { params = {} } = request;
  const defect = method.needs === undefined ? undefined : rightDefect(params, method.needs, view);
  if (defect !== undefined) return refused(defect);
  if (request.method === "completion/complete") {
    const missing = completionDefect(params, view);
    if (missing !== undefined) return refused(missing);
  }
  let written = onlyKnown(params, method.fields);
  for (const [key, purpose] of method.sealed ?? []) {
    const opened = openAt(written, { key, purpose, view });
    if (opened === undefined) return refused(notGiven(key));
    written = opened;
  }
  if (method.isOfTask === true) {
    const known = taskOf(request, view);
    if (known === undefined) return refused(notGiven("taskId"));
    if (!view.rights.may("tools", known.tool)) return refused(notAllowed("tools", known.tool, view));
    written = { ...written, taskId: known.id };
  }
  if (request.method === "completion/complete") written = { ...written, ref: writtenRef(objectAt(params, "ref")) };
  if (request.method === "subscriptions/listen") written = { ...written, notifications: writtenFilter(params, view) };
  return { kind: "pass", request: withParams(request, openRelatedTask(written, view)) };
}

const notifications: ReadonlyMap<string, readonly string[]> = new Map([
  ["notifications/initialized", []],
  ["notifications/cancelled", ["requestId", "reason"]],
  ["notifications/progress", ["progressToken", "progress", "total", "message"]],
  ["notifications/roots/list_changed", []],
]);

/** Returns a caller's notification as it goes to the upstream; undefined for one that does not. */
export function screenNotification(
  { method, params = {} }: NotificationMessage,
  view: View,
): NotificationMessage | undefined {
  const fields = notifications.get(method);
  if (fields === undefined) return undefined;
  const written = openRelatedTask(onlyKnown(params, fields), view);
  return { kind: "notification", method, params: Object.keys(written).length === 0 ? undefined : written };
}

/** Returns a caller's answer as it goes to the upstream that asked. */
export function screenResponse(answer: ResponseMessage, view: View): ResponseMessage {
  const { outcome } = answer;
  return "error" in outcome ? answer : { ...answer, outcome: { result: openRelatedTask(outcome.result, view) } };
}

function onlyKnown(params: JsonObject, fields: readonly string[]): JsonObject {
  const known: Record<string, unknown> = {};
  if (params._meta !== undefined) known._meta = params._meta;
  for (const key of fields) if (params[key] !== undefined) known[key] = params[key];
  return known;
}

function withParams(request: RequestMessage, params: JsonObject): RequestMessage {
  const { id, method } = request;
  return { kind: "request", id, method, params: request.params === undefined ? undefined : params };
}

function rightDefect(
  params: JsonObject,
  [kind, field]: readonly [RightKind, string],
  view: View,
): RpcError | undefined {
  const name = params[field];
  if (typeof name !== "string") return invalidParams(`"${field}" is missing or no text`);
  if (view.rights.may(kind, name)) return undefined;
  if (kind === "resources" && isUiOfOwnTool(name, view)) return undefined;
  return notAllowed(kind, name, view);
}

/** A tool's page belongs to the tool: who may call the one may read the other, and that URI alone. */
function isUiOfOwnTool(uri: string, { learnt, rights }: View): boolean {
  return [...(learnt.uiTools.get(uri) ?? [])].some((tool) => rights.may("tools", tool));
}

function completionDefect(params: JsonObject, view: View): RpcError | undefined {
  const ref = objectAt(params, "ref");
  const uri = stringAt(ref, "uri");
  const name = stringAt(ref, "name");
  if (ref?.type === "ref/prompt" && name !== undefined)
    return view.rights.may("prompts", name) ? undefined : notAllowed("prompts", name, view);
  if (ref?.type === "ref/resource" && uri !== undefined)
    return view.rights.may("resources", uri) ? undefined : notAllowed("resources", uri, view);
  return invalidParams('"ref" names neither a prompt nor a resource');
}

function writtenRef(ref: JsonObject | undefined): JsonObject {
  return ref?.type === "ref/prompt" ? { type: "ref/prompt", name: ref.name } : { type: "ref/resource", uri: ref?.uri };
}

function writtenFilter(params: JsonObject, { rights }: View): JsonObject {
  const asked = objectAt(params, "notifications") ?? {};
  const flags = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"].filter((key) => asked[key] === true);
  const uris = Array.isArray(asked.resourceSubscriptions) ? asked.resourceSubscriptions : [];
  const allowed = uris.filter((uri): uri is string => typeof uri === "string" && rights.may("resources", uri));
  return {
    ...Object.fromEntries(flags.map((key) => [key, true])),
    ...(allowed.length === 0 ? {} : { resourceSubscriptions: allowed }),
  };
}

/** An identified caller learns what is missing; it learns nothing of what there is. */
function notAllowed(kind: RightKind, name: string, { capability, upstream, caller }: View): RpcError {
  const shown = JSON.stringify(name.slice(0, 200));
  const right = `{"upstreams":[${JSON.stringify(upstream)}],"${kind}":[${shown}]}`;
  const who = caller.tags[0] ?? caller.login ?? caller.node;
  const how =
    capability === undefined
      ? `a rule of the gateway would have to give ${who} ${right}`
      : `a grant of the capability ${JSON.stringify(capability)} would have to give ${who} ${right}`;
  return { code: deniedCode, message: `not allowed: ${how}` };
}

function notGiven(key: string): RpcError {
  return invalidParams(`"${key}" is none that was given to this caller`);
}

export function invalidParams(reason: string): RpcError {
  return { code: -32602, message: `Invalid params: ${reason}` };
}

function refused(error: RpcError): Screened {
  return { kind: "refused", error };
}
